//===- graph_imports.cpp - files that import one another ------------------===//

#include "GraphText.h"
#include "llvm/ADT/StringExtras.h"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace nacre;
using namespace nacre::test;
namespace files = std::filesystem;

namespace {

/// A folder of files, gone at the end.
struct Folder {
  files::path path;

  Folder(std::vector<std::pair<const char *, std::string>> texts) {
    char name[] = "/tmp/nacre-imports-XXXXXX";
    path = ::mkdtemp(name);
    for (auto &[file, text] : texts) {
      files::create_directories((path / file).parent_path());
      std::ofstream(path / file) << text;
    }
  }
  ~Folder() { files::remove_all(path); }

  std::string errors(const char *file = "net.ngl") const {
    std::vector<std::string> lines;
    auto program = graph_frontend::import(*context(), (path / file).string(),
                                          {}, "", lines);
    CHECK(failed(program) == !lines.empty());
    return llvm::join(lines, "\n");
  }
};

const std::string uses = "model net(x: f32[2]) { parts.f(x) }\n";

std::string importing(const std::string &file) {
  return "import \"" + file + "\" as parts\n" + uses;
}

} // namespace

TEST_CASE("functions, layers, models and constants of another file") {
  Folder folder(
      {{"net.ngl", "import \"parts/blocks.ngl\" as blocks\n"
                   "import \"parts/sizes.ngl\" as sizes\n"
                   "width = 100\n"
                   "fn relu(x) { x * 7 }\n"
                   "model net(x: f32[2, sizes.width]) -> f32[2, 4] {\n"
                   "  x |> blocks.half\n"
                   "    |> blocks.residual(f = relu)\n"
                   "    |> blocks.residual(name = \"last\")\n"
                   "    |> blocks.head\n"
                   "}\n"},
       {"parts/blocks.ngl", "import \"sizes.ngl\" as s\n"
                            "width = s.width + 1\n"
                            "fn half(x: T[..., s.width]) { x / 2 }\n"
                            "layer residual(x, f: function = relu) {\n"
                            "  x + f(linear(x, width - 1))\n"
                            "}\n"
                            "model head(x) { linear(half(x), 4) }\n"
                            "train { data nothing: of[2] }\n"},
       {"parts/sizes.ngl", "width = 3\n"}});
  std::vector<std::string> lines;
  auto program = graph_frontend::import(
      *context(), (folder.path / "net.ngl").string(), {}, "", lines);
  CHECK(llvm::join(lines, "\n") == "");
  REQUIRE(succeeded(program));
  std::string names;
  for (const auto &[name, tensor] : program->weights->entries())
    names += name + " ";
  CHECK(names == "residual.linear.weight residual.linear.bias "
                 "last.linear.weight last.linear.bias "
                 "head.linear.weight head.linear.bias ");
  // The relu of the main file is its own; the other file has the prelude's.
  std::string text;
  llvm::raw_string_ostream(text) << *program->module;
  CHECK(text.find("7.0") != std::string::npos);
  CHECK(text.find("lazy.max") != std::string::npos);

  auto info =
      graph_frontend::readInfo((folder.path / "net.ngl").string(), lines);
  REQUIRE(succeeded(info));
  CHECK(info->externalFiles ==
        std::vector<std::string>{"parts/blocks.ngl", "parts/sizes.ngl"});
}

TEST_CASE("an ONNX model beside another file") {
  Folder folder({{"net.ngl", "import \"sub/reader.ngl\" as reader\n"
                             "model net(x: f32[1, 1, 8, 8]) -> f32[1, 10] {\n"
                             "  reader.read(x)\n"
                             "}\n"},
                 {"sub/reader.ngl", "import \"digits.onnx\" as digits\n"
                                    "fn read(x) { digits(x) }\n"}});
  CHECK(folder.errors().find("digits.onnx") != std::string::npos);
  files::copy_file(NACRE_SOURCE "/models/digits/digits.onnx",
                   folder.path / "sub/digits.onnx");
  CHECK(folder.errors() == "");
}

TEST_CASE("a mistake in another file has that file's name") {
  CHECK(Folder({{"net.ngl", importing("parts/a.ngl")},
                {"parts/a.ngl", "fn f(x) {\n  rellu(x)\n}\n"}})
            .errors() ==
        "parts/a.ngl:2:3: unknown name 'rellu', did you mean 'relu'?\n"
        "    rellu(x)\n"
        "    ^");
  CHECK(Folder({{"net.ngl", importing("a.ngl")},
                {"a.ngl", "fn f(x) {\n  x +\n}\n"}})
            .errors() == "a.ngl:3:1: expected an expression, got '}'\n"
                         "  }\n"
                         "  ^");
  CHECK(Folder({{"net.ngl", importing("a.ngl")},
                {"a.ngl", "fn g(x) { x }\nn = 1 + none\n"}})
            .errors() ==
        "a.ngl:2:7: '+' does not go with the integer 1 and none\n"
        "  n = 1 + none\n"
        "        ^");
}

TEST_CASE("names of another file are its own") {
  const std::string a = "size = 2\nfn fold(x) { x }\n";
  auto with = [&](const std::string &body) {
    return Folder({{"net.ngl", "import \"a.ngl\" as a\n"
                               "model net(x: f32[2]) { " +
                                   body + " }\n"},
                   {"a.ngl", a}})
        .errors();
  };
  CHECK(with("a.fold(x) * a.size") == "");
  CHECK(with("x |> a.fold") == "");
  CHECK(with("a.folds(x)") ==
        "net.ngl:2:25: 'a.ngl' does not declare 'folds', did you mean 'fold'?\n"
        "  model net(x: f32[2]) { a.folds(x) }\n"
        "                          ^");
  CHECK(with("fold(x)") == "net.ngl:2:24: unknown name 'fold'\n"
                           "  model net(x: f32[2]) { fold(x) }\n"
                           "                         ^");
  CHECK(with("a.relu(x)") == "net.ngl:2:25: 'a.ngl' does not declare 'relu'\n"
                             "  model net(x: f32[2]) { a.relu(x) }\n"
                             "                          ^");
  CHECK(with("a(x)") ==
        "net.ngl:2:24: expected a function to call, got the file 'a'\n"
        "  model net(x: f32[2]) { a(x) }\n"
        "                         ^");
  CHECK(Folder({{"net.ngl",
                 "import \"a.ngl\" as a\nimport \"b.ngl\" as a\n" + uses},
                {"a.ngl", a},
                {"b.ngl", a}})
            .errors() == "net.ngl:2:8: 'a' is declared twice\n"
                         "  import \"b.ngl\" as a\n"
                         "         ^");
}

TEST_CASE("imports in a circle") {
  CHECK(Folder({{"net.ngl", importing("net.ngl")}}).errors() ==
        "net.ngl:1:8: imports go round in a circle: 'net.ngl' imports "
        "'net.ngl'\n"
        "  import \"net.ngl\" as parts\n"
        "         ^");
  CHECK(Folder({{"net.ngl", importing("a.ngl")},
                {"a.ngl", "import \"b.ngl\" as b\n"},
                {"b.ngl", "import \"./a.ngl\" as a\n"}})
            .errors() ==
        "b.ngl:1:8: imports go round in a circle: 'a.ngl' imports 'b.ngl' "
        "imports 'a.ngl'\n"
        "  import \"./a.ngl\" as a\n"
        "         ^");
  // Two ways to one file are no circle.
  CHECK(Folder({{"net.ngl", "import \"a.ngl\" as a\nimport \"b.ngl\" as b\n"
                            "model net(x: f32[2]) { a.a.f(x) }\n"},
                {"a.ngl", "import \"c.ngl\" as c\na = 1\n"},
                {"b.ngl", "import \"c.ngl\" as c\n"},
                {"c.ngl", "fn f(x) { x }\n"}})
            .errors() == "net.ngl:3:27: the integer 1 has no attribute 'f'\n"
                         "  model net(x: f32[2]) { a.a.f(x) }\n"
                         "                            ^");
}

TEST_CASE("files that cannot or must not be read") {
  auto refused = [](const std::string &file, const std::string &why) {
    return "net.ngl:1:8: " + why + "\n  import \"" + file +
           "\" as parts\n         ^";
  };
  auto reading = [&](const std::string &file, const std::string &why) {
    return refused(file, "cannot read '" + file + "': " + why);
  };
  auto outside = [&](const std::string &file) {
    return refused(file, "the import must lie in the folder of this file, got "
                         "'" +
                             file + "'");
  };
  CHECK(Folder({{"net.ngl", importing("a.ngl")}}).errors() ==
        reading("a.ngl", "No such file or directory"));
  CHECK(Folder({{"net.ngl", importing("../a.ngl")}}).errors() ==
        outside("../a.ngl"));
  CHECK(Folder({{"net.ngl", importing("/etc/a.ngl")}}).errors() ==
        outside("/etc/a.ngl"));
  CHECK(
      Folder({{"net.ngl", importing("a.ngl/b.ngl")}, {"a.ngl", ""}}).errors() ==
      reading("a.ngl/b.ngl", "Not a directory"));

  Folder folder({{"net.ngl", importing("a.ngl")},
                 {"other/net.ngl", importing("b/a.ngl")},
                 {"real.ngl", "fn f(x) { x }\n"},
                 {"real/a.ngl", "fn f(x) { x }\n"}});
  const files::path a = folder.path / "a.ngl";
  files::create_symlink("real.ngl", a);
  CHECK(folder.errors() == reading("a.ngl", "'a.ngl' is a symlink"));
  files::remove(a);
  files::create_directory(a);
  CHECK(folder.errors() == reading("a.ngl", "it is no regular file"));
  files::remove(a);
  // A pipe that nobody writes to does not hold us up.
  REQUIRE(::mkfifo(a.c_str(), 0600) == 0);
  CHECK(folder.errors() == reading("a.ngl", "it is no regular file"));
  files::remove(a);
  std::ofstream(a) << std::string((4 << 20) + 1, '#');
  CHECK(folder.errors() == reading("a.ngl", "it is longer than 4194304 bytes"));
  files::create_symlink(folder.path / "real", folder.path / "other/b");
  CHECK(folder.errors("other/net.ngl") ==
        reading("b/a.ngl", "symlink in parent 'b'"));
}

TEST_CASE("a limit on the number of files") {
  std::vector<std::pair<const char *, std::string>> texts;
  std::vector<std::string> names;
  for (int i = 0; i <= 64; ++i)
    names.push_back("f" + std::to_string(i) + ".ngl");
  for (int i = 0; i < 64; ++i)
    texts.emplace_back(names[i].c_str(),
                       "import \"" + names[i + 1] + "\" as n\n");
  texts.emplace_back(names[64].c_str(), "fn f(x) { x }\n");
  texts.emplace_back("net.ngl", importing("f1.ngl"));
  Folder folder(texts);
  CHECK(folder.errors() == "net.ngl:2:29: 'f1.ngl' does not declare 'f'\n"
                           "  model net(x: f32[2]) { parts.f(x) }\n"
                           "                              ^");
  std::ofstream(folder.path / "net.ngl") << importing("f0.ngl");
  CHECK(folder.errors() == "f63.ngl:1:8: more than 64 files are imported\n"
                           "  import \"f64.ngl\" as n\n"
                           "         ^");
}
