// The standalone executable, from outside: exact texts and exit codes.
#include "runtime_catch.h"
#include "runtime_files.h"

#include <nacre/runtime.h>
#include <sys/wait.h>

namespace {
struct Result {
  int code;
  std::string out, err;
};

// `arguments` is shell text; the program's own name is cut from its messages.
Result runProgram(const Folder &folder, const std::string &program,
                  const std::string &arguments) {
  std::string command = "cd '" + folder.path + "' && '" + program + "' " +
                        arguments + " >out.txt 2>err.txt";
  int status = std::system(command.c_str());
  Result result{WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                folder.read("out.txt"), folder.read("err.txt")};
  for (size_t at; (at = result.err.find(program + ": ")) != std::string::npos;)
    result.err.erase(at, program.size() + 2);
  return result;
}

std::string npyOf(const char *descr, const char *shape, std::string data) {
  return npy(std::string("{'descr': '") + descr +
                 "', 'fortran_order': False, 'shape': " + shape + ", }",
             data);
}

// A folder with good inputs x.npy (f32[8], 0 to 7) and n.npy (i64[3, 2]).
struct Inputs : Folder {
  Inputs() {
    std::string x, n;
    for (int i = 0; i < 8; ++i)
      x += bytesOf(float(i));
    for (int64_t i = 0; i < 6; ++i)
      n += bytesOf(i * 10);
    write("x.npy", npyOf("<f4", "(8,)", x));
    write("n.npy", npyOf("<i8", "(3, 2)", n));
  }
  Result run(const std::string &arguments) const {
    return runProgram(*this, NACRE_FIXTURE, arguments);
  }
};
const std::string both = "--input x=x.npy --input n=n.npy ";

void refused(const Inputs &in, const std::string &arguments, int code,
             const std::string &err) {
  INFO(arguments);
  Result r = in.run(arguments);
  CHECK(r.code == code);
  CHECK(r.err == err);
  CHECK(r.out == "");
}
} // namespace

TEST_CASE("program: runs, writes outputs and their list") {
  Inputs in;
  for (const char *threads : {"1", "2", "4"}) {
    Result r = in.run(both + "--output-dir a/b --top=3 --threads " + threads);
    REQUIRE(r.code == 0);
    CHECK(r.err == "");
    CHECK(r.out == "7 14\n6 12\n5 10\n");
    nacre_array y, z;
    REQUIRE(nacre_npy_read(in.file("a/b/output_0.npy").c_str(), &y, nullptr) ==
            0);
    REQUIRE(nacre_npy_read(in.file("a/b/output_1.npy").c_str(), &z, nullptr) ==
            0);
    CHECK(y.rank == 1);
    CHECK(static_cast<float *>(y.data)[3] == 6.f);
    REQUIRE(z.rank == 2);
    CHECK(z.shape[0] == 3);
    CHECK(static_cast<int64_t *>(z.data)[5] == 51);
    nacre_array_free(&y);
    nacre_array_free(&z);
    CHECK(in.read("a/b/outputs.json") ==
          "{\"outputs\": [\n"
          "  {\"name\": \"y\", \"dtype\": \"f32\", \"shape\": [8], "
          "\"file\": \"output_0.npy\"},\n"
          "  {\"name\": \"z\\u000a\\\"\", \"dtype\": \"i64\", "
          "\"shape\": [3, 2], \"file\": \"output_1.npy\"}\n"
          "]}\n");
  }
}

TEST_CASE("program: the default number of threads is stated") {
  Inputs in;
  Result r = in.run(both + "--top 1");
  CHECK(r.code == 0);
  CHECK(r.out == "7 14\n");
  CHECK(r.err.find(" (default, one per processor)\n") != std::string::npos);
  CHECK(in.run(both + "--top 100 --threads 1").out ==
        "7 14\n6 12\n5 10\n4 8\n3 6\n2 4\n1 2\n0 0\n");
}

TEST_CASE("program: .pb inputs") {
  Inputs in;
  in.write("x.pb", std::string("\x08\x08\x10\x01\x4a\x20", 6) +
                       std::string(28, '\0') + bytesOf(-3.f));
  Result r = in.run("--input x=x.pb --input n=n.npy --threads 1 --top 8");
  CHECK(r.code == 0);
  CHECK(r.out == "0 0\n1 0\n2 0\n3 0\n4 0\n5 0\n6 0\n7 -6\n");
}

TEST_CASE("program: --info and --help") {
  Inputs in;
  Result r = in.run("--info");
  CHECK(r.code == 0);
  CHECK(r.out == "model fixture\n"
                 "arena 128 bytes\n"
                 "weights 64 bytes\n"
                 "input x f32[8]\n"
                 "input n i64[N<=4, 2]\n"
                 "output y f32[8]\n"
                 "output z?\" i64[N<=4, 2]\n"
                 "kernel mul_0 8 flops\n"
                 "kernel add_1 0 flops\n");
  r = in.run("--help");
  CHECK(r.code == 0);
  for (const char *option : {"--input", "--output-dir", "--threads", "--top",
                             "--dim", "--weights", "--info", "--help"})
    CHECK(r.out.find(option) != std::string::npos);
  r = runProgram(in, NACRE_FIXTURE_SIDE, "--info");
  CHECK(r.out.find("\nweights 64 bytes in fixture.safetensors\n") !=
        std::string::npos);
  // What cannot be printed is an error, not a silent success.
  std::string full = std::string("'") + NACRE_FIXTURE + "' --info >/dev/full";
  CHECK(WEXITSTATUS(std::system((full + " 2>/dev/null").c_str())) == 3);
}

TEST_CASE("program: usage errors exit with 2") {
  Inputs in;
  refused(in, "--treads 2", 2,
          "error: unknown option '--treads', did you mean '--threads'?\n");
  refused(in, "--inptu=x", 2,
          "error: unknown option '--inptu', did you mean '--input'?\n");
  refused(in, "--frobnicate", 2,
          "error: unknown option '--frobnicate', see --help\n");
  refused(in, "-h", 2, "error: unknown option '-h', see --help\n");
  refused(in, "x.npy", 2, "error: unexpected argument 'x.npy', see --help\n");
  refused(in, "--top", 2, "error: --top needs a value\n");
  refused(in, "--info=1", 2, "error: --info takes no value\n");
  refused(in, "--top 0", 2, "error: --top: '0' is not a number from 1\n");
  refused(in, "--threads -1", 2,
          "error: --threads: '-1' is not a number from 0\n");
  refused(in, "--threads 99999999999999999999", 2,
          "error: --threads: '99999999999999999999' is not a number from 0\n");
  refused(in, both + "--top 1 --threads 1025", 2,
          "error: --threads: 1025 threads, at most 1024\n");
  refused(in, "--input x", 2, "error: --input: 'x' is not NAME=FILE\n");
  refused(in, "--input q=x.npy", 2,
          "error: --input: model has no input 'q', see --info\n");
  refused(in, "--input x=x.npy --input x=x.npy", 2,
          "error: input 'x' is given twice\n");
  refused(in, "--dim M=3", 2,
          "error: --dim: 'M=3' is not NAME=N with a dim of the model\n");
  refused(in, both, 2,
          "error: nothing to do, give --output-dir DIR or --top K\n");
  refused(in, "--top 1", 2,
          "error: input 'x' (f32) is not given\n"
          "error: input 'n' (i64) is not given\n");
  refused(in, "--top 1 --input x=x.txt --input n=n.npy", 2,
          "error: input 'x': 'x.txt' is neither .npy nor .pb\n");
  refused(in, both + "--top 1 --weights w", 2,
          "error: --weights: the model holds its weights\n");
}

TEST_CASE("program: wrong inputs exit with 3, all of them reported") {
  Inputs in;
  in.write("five.npy", npyOf("<f4", "(5,)", std::string(20, ' ')));
  in.write("double.npy", npyOf("<f8", "(8,)", std::string(64, ' ')));
  in.write("bad.npy", "nonsense");
  in.write("n5.npy", npyOf("<i8", "(5, 2)", std::string(80, ' ')));
  in.write("n99.npy",
           npyOf("<i8", "(1, 2)", bytesOf(int64_t(99)) + std::string(8, ' ')));
  refused(in, "--top 1 --input x=five.npy --input n=n.npy", 3,
          "error: input 'x': file has shape [5], model needs [8]\n");
  refused(in, "--top 1 --input x=double.npy --input n=n5.npy", 3,
          "error: input 'x': file has f64, model needs f32\n"
          "error: input 'n': file has shape [5, 2], model needs [N<=4, 2]\n");
  refused(in, "--top 1 --input x=bad.npy --input n=none.npy", 3,
          "error: input 'x': bad.npy: not a .npy file\n"
          "error: input 'n': cannot open 'none.npy': No such file or "
          "directory\n");
  refused(in, both + "--top 1 --dim N=2", 3,
          "error: input 'n': dim N is 3, elsewhere 2\n");
  refused(in, "--threads 1 --top 1 --input x=x.npy --input n=n99.npy", 3,
          "error: model 'fixture': index out of range\n");
  refused(in, both + "--threads 1 --output-dir x.npy/out", 3,
          "error: cannot create 'x.npy/out/output_0.npy': Not a directory\n");
}

TEST_CASE("program: weights in a side file") {
  Inputs in;
  std::string header = "{\"weights\":{\"dtype\":\"F32\",\"shape\":[16],"
                       "\"data_offsets\":[0,64]}}";
  header += std::string(120 - header.size(), ' ');
  in.write("w.safetensors", bytesOf(uint64_t(120)) + header + bytesOf(5.f) +
                                std::string(60, '\0'));
  auto run = [&](const std::string &more) {
    return runProgram(in, NACRE_FIXTURE_SIDE,
                      both + "--threads 1 --top 1 " + more);
  };
  Result r = run("--weights w.safetensors");
  CHECK(r.code == 0);
  CHECK(r.out == "7 35\n");
  r = run("--weights none");
  CHECK(r.code == 3);
  CHECK(r.err == "error: cannot open 'none': No such file or directory\n");
  // Without --weights: the file next to the program.
  std::string program = in.file("program");
  std::filesystem::copy_file(NACRE_FIXTURE_SIDE, program);
  r = runProgram(in, program, both + "--threads 1 --top 1");
  CHECK(r.code == 3);
  in.write("fixture.safetensors", in.read("w.safetensors"));
  r = runProgram(in, program, both + "--threads 1 --top 1");
  CHECK(r.code == 0);
  CHECK(r.out == "7 35\n");
}
