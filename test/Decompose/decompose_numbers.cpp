//===- decompose_numbers.cpp - decomposed arithmetic, number by number ----===//
//
// Each case is a scalar body over arrays, compiled as it is and decomposed; the
// bits of the results must be the same. Decomposed code runs with subnormals
// flushed where it is said to do without them. Functions of expandableOps are
// compared with the C library in double precision; `--stride=1 --verbose` tries
// every f32 on the unary ones and prints the errors.
//
//===----------------------------------------------------------------------===//
#include "Compiled.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Driver/Pipeline.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace nacre;
using namespace nacre::test;

static MLIRContext *context() {
  static MLIRContext *made = makeContext().release();
  return made;
}

static int failures = 0;
static bool verbose = false;
constexpr int64_t count = 1 << 16;

/// A loop over arrays %a (and %b) to %r around `body`, which defines %y of
/// %x (and %z).
static std::string kernel(StringRef from, StringRef to, StringRef body) {
  std::string n = std::to_string(count);
  auto type = [&](StringRef t) { return "memref<" + n + "x" + t.str() + ">"; };
  return "func.func private @k(%a: " + type(from) + ", %b: " + type(from) +
         ", %r: " + type(to) + ") {\n" +
         "%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n" +
         "%n = arith.constant " + n + " : index\n" +
         "scf.for %i = %c0 to %n step %c1 {\n" +
         "%x = memref.load %a[%i] : " + type(from) + "\n" +
         "%z = memref.load %b[%i] : " + type(from) + "\n" + body.str() +
         "\nmemref.store %y, %r[%i] : " + type(to) + "\n}\nreturn\n}\n";
}

static std::unique_ptr<Compiled> compile(const std::string &text,
                                         const codegen::Lacks *lacks) {
  auto module = parseSourceString<ModuleOp>(text, context());
  if (!module || (lacks && failed(codegen::decompose(*module, *lacks)))) {
    llvm::outs() << "FAIL: does not decompose\n" << text;
    std::exit(1);
  }
  auto made = Compiled::load(*module);
  if (!made) {
    llvm::outs() << "FAIL: " << llvm::toString(made.takeError()) << "\n"
                 << text;
    std::exit(1);
  }
  return std::move(*made);
}

/// Subnormal operands and results are zero while this lives.
struct Flushing {
  unsigned before = __builtin_ia32_stmxcsr();
  Flushing() { __builtin_ia32_ldmxcsr(before | 0x8040); }
  ~Flushing() { __builtin_ia32_ldmxcsr(before); }
};

static unsigned bytesOf(StringRef type) {
  if (type == "index")
    return 8;
  unsigned bits = 0;
  type.drop_while([](char c) { return !isdigit(c); }).getAsInteger(10, bits);
  return bits / 8;
}

/// Whether the bytes are a NaN of the type.
static bool isNaN(StringRef type, const uint8_t *p) {
  uint64_t bits = 0;
  std::memcpy(&bits, p, bytesOf(type));
  if (type == "f16")
    return (bits & 0x7fff) > 0x7c00;
  if (type == "bf16")
    return (bits & 0x7fff) > 0x7f80;
  if (type == "f32")
    return (bits & 0x7fffffff) > 0x7f800000;
  return type == "f64" && (bits << 1) > (0x7ffull << 53);
}

using Bytes = std::vector<uint8_t>;

static void compare(StringRef name, StringRef from, StringRef to,
                    const std::string &text, ArrayRef<Bytes> a,
                    ArrayRef<Bytes> b, bool flush) {
  codegen::Lacks lacks = codegen::Lacks::everything();
  auto plain = compile(text, nullptr), made = compile(text, &lacks);
  for (size_t set = 0; set < a.size(); ++set) {
    Bytes want(count * bytesOf(to), 0xAB), got = want;
    auto run = [&](const Compiled &code, Bytes &out) {
      code.call("k", {uint64_t(a[set].data()), uint64_t(b[set].data()),
                      uint64_t(out.data())});
    };
    run(*plain, want);
    if (flush) {
      Flushing on;
      run(*made, got);
    } else
      run(*made, got);
    unsigned size = bytesOf(to), in = bytesOf(from);
    int bad = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint8_t *w = &want[i * size], *g = &got[i * size];
      if (!std::memcmp(w, g, size) || (isNaN(to, w) && isNaN(to, g)))
        continue;
      if (++bad <= 3) {
        auto hex = [](const uint8_t *p, unsigned n) {
          uint64_t bits = 0;
          std::memcpy(&bits, p, n);
          return llvm::utohexstr(bits);
        };
        llvm::outs() << "  " << name << ": of " << hex(&a[set][i * in], in)
                     << ", " << hex(&b[set][i * in], in) << " is "
                     << hex(g, size) << ", expected " << hex(w, size) << "\n";
      }
    }
    if (bad) {
      llvm::outs() << "FAIL " << name << ": " << bad << " differ\n";
      ++failures;
      return;
    }
  }
  if (verbose)
    llvm::outs() << "ok   " << name << "\n";
}

//===-- data --------------------------------------------------------------===//

static std::mt19937_64 rng(1);

/// Every pattern of 8 bits against every other, of 16 bits in order against
/// shuffled ones; of wider types edges and anything.
static Bytes operand(StringRef type, int which, int set) {
  unsigned size = bytesOf(type);
  Bytes out(count * size);
  static const uint64_t edges64[] = {0,
                                     1,
                                     2,
                                     3,
                                     uint64_t(-1),
                                     uint64_t(-2),
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x1000000ff,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0x8000000000000001,
                                     0xffffffff00000000,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7ff8000000000000,
                                     0x7ff0000000000001,
                                     0x47efffffe0000000,
                                     0x47efffffefffffff,
                                     0x47effffff0000000,
                                     0x47f0000000000000,
                                     0x3810000000000000,
                                     0x380fffffffffffff,
                                     0x36a0000000000000,
                                     0x3690000000000000,
                                     0x3690000000000001,
                                     0x369fffffffffffff,
                                     0x3ff0000000000000,
                                     0xbff0000000000000,
                                     0x43e0000000000000,
                                     0x20000000000001,
                                     0x20000000000003,
                                     0x7fffff8000000000,
                                     0x7fffffc000000000,
                                     0x7fffffbfffffffff};
  static const uint32_t edges32[] = {
      0,          1,          2,          0x80000000, 0x80000001, 0xffffffff,
      0x7fffffff, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7f7fffff,
      0x7f800001, 0x7fc00000, 0xffc00001, 0x00800000, 0x007fffff, 0x00400000,
      0x33000000, 0x33000001, 0x32ffffff, 0x33800000, 0x33c00000, 0x387fffff,
      0x38800000, 0x477fefff, 0x477ff000, 0x477fffff, 0x47800000, 0x7f7f7fff,
      0x7f7f8000, 0x01000000, 0x01000001, 0x4b000000, 0x4f000000, 0xcf000000,
      0x4f7fffff, 0x5f000000, 0xdf000000, 0x5f7fffff, 0x42280000, 0x00ffffff};
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = rng();
    if (size == 1)
      bits = which ? i >> 8 : i;
    else if (size == 2)
      bits = which ? i * 40503 + set * 977 : i;
    else if (size == 4) {
      // Close to where f16 and bf16 round, too.
      switch (bits >> 62) {
      case 0:
        bits = edges32[(bits >> 8) % std::size(edges32)];
        break;
      case 1:
        bits = (bits & 0xffff0000) + (int64_t(bits >> 40) % 3 - 1) + 0x8000;
        break;
      case 2:
        bits = ((i * 7919) << 13) + 0x1000 + (int64_t(bits >> 40) % 3 - 1);
        break;
      }
    } else if (bits >> 63)
      bits = edges64[(bits >> 8) % std::size(edges64)] +
             ((bits >> 40) % 8 == 0 ? 1 : 0);
    else if (bits >> 62)
      bits = uint64_t(int64_t(rng()) >> (bits % 64));
    else if (bits >> 61) // around f32's numbers
      bits = (uint64_t(0x369 + (bits >> 8) % 0x120) << 52 |
              (rng() & 0xfffffe0000000)) +
             (uint64_t(0x10000000) + (bits >> 40) % 3 - 1) +
             ((bits >> 50 & 1) << 63);
    std::memcpy(&out[i * size], &bits, size);
  }
  return out;
}

static void check(StringRef name, StringRef from, StringRef to, StringRef body,
                  bool flush = false) {
  std::vector<Bytes> a, b;
  for (int set = 0; set < (bytesOf(from) == 1 ? 1 : 4); ++set) {
    a.push_back(operand(from, 0, set));
    b.push_back(operand(from, 1, set));
  }
  compare(name, from, to, kernel(from, to, body), a, b, flush);
}

//===-- integers ----------------------------------------------------------===//

static void integers() {
  for (std::string t : {"i8", "i16", "i32", "i64"}) {
    std::string w = std::to_string(8 * bytesOf(t));
    for (const char *op : {"addi", "subi", "muli", "andi", "ori", "xori",
                           "maxsi", "maxui", "minsi", "minui"})
      check(op + (" " + t), t, t,
            std::string("%y = arith.") + op + " %x, %z : " + t);
    for (const char *op : {"shli", "shrsi", "shrui"})
      check(op + (" " + t), t, t,
            "%m = arith.constant " + std::to_string(8 * bytesOf(t) - 1) +
                " : " + t + "\n%s = arith.andi %z, %m : " + t +
                "\n%y = arith." + op + " %x, %s : " + t);
    // As lowering guards them.
    for (const char *op :
         {"divsi", "remsi", "divui", "remui", "floordivsi", "ceildivsi"}) {
      if (StringRef(op).contains("or") || StringRef(op).starts_with("ceil"))
        if (t != "i32")
          continue;
      check(
          op + (" " + t), t, t,
          "%o = arith.constant 1 : " + t + "\n%zero = arith.constant 0 : " + t +
              "\n%m = arith.constant -1 : " + t +
              "\n%p = arith.cmpi eq, %z, %zero : " + t +
              "\n%q = arith.cmpi eq, %z, %m : " + t +
              "\n%u = arith.ori %p, %q : i1\n%d = arith.select %u, %o, %z : " +
              t + "\n%y = arith." + op + " %x, %d : " + t);
    }
    for (const char *p :
         {"eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"})
      check(std::string("cmpi ") + p + " " + t, t, "i8",
            std::string("%c = arith.cmpi ") + p + ", %x, %z : " + t +
                "\n%y = arith.extui %c : i1 to i8");
    for (std::string to : {"i8", "i16", "i32", "i64"}) {
      if (bytesOf(to) > bytesOf(t))
        for (const char *op : {"extsi", "extui"})
          check(op + (" " + t + " " + to), t, to,
                std::string("%y = arith.") + op + " %x : " + t + " to " + to);
      else if (bytesOf(to) < bytesOf(t))
        check("trunci " + t + " " + to, t, to,
              "%y = arith.trunci %x : " + t + " to " + to);
    }
    check("trunci i1 " + t, t, "i8",
          "%c = arith.trunci %x : " + t + " to i1\n" +
              "%y = arith.extsi %c : i1 to i8");
    for (const char *op : {"sitofp", "uitofp"})
      check(op + (" " + t + " f32"), t, "f32",
            std::string("%y = arith.") + op + " %x : " + t + " to f32");
    check("copy " + t, t, t,
          "%c = arith.cmpi slt, %x, %z : " + t + "\n%y = scf.if %c -> (" + t +
              ") {\nscf.yield %z : " + t + "\n} else {\nscf.yield %x : " + t +
              "\n}");
    check("loop " + t, t, t,
          "%c3 = arith.constant 3 : index\n%y = scf.for %j = %c0 to %c3 step "
          "%c1 iter_args(%s = %x) -> (" +
              t + ") {\n%v = arith.muli %s, %z : " + t +
              "\n%u = arith.addi %v, %x : " + t + "\nscf.yield %u : " + t +
              "\n}");
    check("index " + t, t, t,
          "%j = arith.index_cast %i : index to " + t +
              "\n%y = arith.addi %x, %j : " + t);
  }
  check("logic", "i8", "i8",
        "%k = arith.constant 3 : i8\n%p = arith.cmpi slt, %x, %z : i8\n"
        "%q = arith.cmpi ult, %x, %k : i8\n%a1 = arith.addi %p, %q : i1\n"
        "%a2 = arith.muli %p, %a1 : i1\n%a3 = arith.maxui %a2, %q : i1\n"
        "%a4 = arith.minsi %a3, %p : i1\n%a5 = arith.cmpi ult, %a4, %q : i1\n"
        "%a6 = arith.cmpi sgt, %a5, %a1 : i1\n%a7 = arith.subi %a6, %a3 : i1\n"
        "%f = arith.uitofp %a7 : i1 to f32\n%g = arith.sitofp %a5 : i1 to f32\n"
        "%h = arith.subf %f, %g : f32\n%y = arith.fptosi %h : f32 to i8");
}

//===-- floats ------------------------------------------------------------===//

static const char *predicates[] = {"oeq", "ogt", "oge", "olt", "ole",
                                   "one", "ord", "ueq", "ugt", "uge",
                                   "ult", "ule", "une", "uno"};

static void floats() {
  for (std::string t : {"f16", "bf16", "f32"}) {
    for (const char *p : predicates) {
      check(std::string("cmpf ") + p + " " + t, t, "i8",
            std::string("%c = arith.cmpf ") + p + ", %x, %z : " + t +
                "\n%y = arith.extui %c : i1 to i8");
      check(std::string("cmpf self ") + p + " " + t, t, "i8",
            std::string("%c = arith.cmpf ") + p + ", %x, %x : " + t +
                "\n%y = arith.extui %c : i1 to i8");
      check(std::string("cmpf constant ") + p + " " + t, t, "i8",
            "%k = arith.constant 1.5 : " + t + "\n%c = arith.cmpf " + p +
                ", %x, %k : " + t + "\n%y = arith.extui %c : i1 to i8");
    }
    check("negf " + t, t, t, "%y = arith.negf %x : " + t, true);
    check("absf " + t, t, t, "%y = math.absf %x : " + t, true);
    check("copy " + t, t, t,
          "%c = arith.cmpf olt, %x, %z : " + t + "\n%w = scf.if %c -> (" + t +
              ") {\nscf.yield %z : " + t + "\n} else {\nscf.yield %x : " + t +
              "\n}\n%y = arith.select %c, %x, %w : " + t);
    check("constants " + t, t, t,
          std::string("%k = arith.constant ") +
              (t == "f32"   ? "0x7F800000"
               : t == "f16" ? "0x7C00"
                            : "0x7F80") +
              " : " + t + "\n%m = arith.constant " +
              (t == "f32"   ? "0x7FC00000"
               : t == "f16" ? "0x7E00"
                            : "0x7FC0") +
              " : " + t + "\n%d = arith.cmpf oeq, %x, %k : " + t +
              "\n%w = arith.select %d, %k, %m : " + t +
              "\n%y = arith.select %d, %x, %w : " + t);
    // The plain bf16 code flushes subnormals, and the sign of zeros is open.
    for (const char *op : {"maximumf", "minimumf", "maxnumf", "minnumf"})
      if (t != "bf16")
        check(op + (" " + t), t, t,
              "%k = arith.constant 0.0 : " + t + "\n%m = arith." + op +
                  " %x, %z : " + t + "\n%y = arith.addf %m, %k : " + t);
    if (t != "f32") {
      check("extf " + t, t, "f32", "%y = arith.extf %x : " + t + " to f32",
            true);
      // Through arithmetic, both ways.
      check("addf " + t, t, t,
            "%p = arith.extf %x : " + t + " to f32\n%q = arith.extf %z : " + t +
                " to f32\n%s = arith.addf %p, %q : f32\n" +
                "%y = arith.truncf %s : f32 to " + t);
      check("bitcast " + t, t, "i16",
            "%v = arith.bitcast %x : " + t +
                " to i16\n%y = arith.addi %v, %v : i16");
    }
  }
  // A flushed operand of these is still seen as bits.
  for (std::string t : {"f16", "bf16"})
    for (int round = 0; round < 8; ++round)
      check("truncf " + t, "f32", t, "%y = arith.truncf %x : f32 to " + t,
            true);
  for (int round = 0; round < 8; ++round)
    check("truncf f64", "f64", "f32", "%y = arith.truncf %x : f64 to f32",
          true);
  check("extf f64", "f32", "f64", "%y = arith.extf %x : f32 to f64", true);
  check("copy f64", "f64", "f64",
        "%o = arith.constant 3.14159265358979 : f64\n"
        "%v = arith.bitcast %x : f64 to i64\n%k = arith.constant 0 : i64\n"
        "%c = arith.cmpi slt, %v, %k : i64\n%w = scf.if %c -> (f64) {\n"
        "scf.yield %x : f64\n} else {\nscf.yield %o : f64\n}\n"
        "%y = arith.select %c, %w, %z : f64");
  check("bitcast f64", "i64", "f64", "%y = arith.bitcast %x : i64 to f64");
  // As lowering writes conversions: limits, then the conversion.
  for (std::string t : {"i8", "i16", "i32", "i64"})
    for (bool isUnsigned : {false, true}) {
      unsigned w = 8 * bytesOf(t);
      std::string high = std::to_string(std::ldexp(1.0, w - !isUnsigned));
      std::string low =
          isUnsigned ? "0.0" : std::to_string(-std::ldexp(1.0, w - 1));
      const char *op = isUnsigned ? "fptoui" : "fptosi";
      for (bool unordered : {false, true})
        check(op + (" f32 " + t), "f32", t,
              "%h = arith.constant " + high + " : f32\n%l = arith.constant " +
                  low + " : f32\n%k = arith.constant 7.0 : f32\n" +
                  (unordered ? "%p = arith.cmpf uge, %x, %h : f32\n"
                             : "%p1 = arith.cmpf uno, %x, %x : f32\n%p2 = "
                               "arith.cmpf oge, %x, %h : f32\n%p = arith.ori "
                               "%p1, %p2 : i1\n") +
                  "%q = arith.cmpf olt, %x, %l : f32\n%u = arith.ori %p, %q : "
                  "i1\n%v = arith.select %u, %k, %x : f32\n%y = arith." +
                  op + " %v : f32 to " + t);
    }
}

//===-- functions ---------------------------------------------------------===//

static float fromBits(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
/// |got - want| in units of the last place of `want` as f32; NaN and infinite
/// results must be the same.
static double errorOf(float got, double want) {
  float nearest = float(want);
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : INFINITY;
  if (got == nearest)
    return got == 0 && std::signbit(got) != std::signbit(nearest) ? INFINITY
           : std::fabs(double(got) - want) == INFINITY
               ? 0
               : std::fabs(double(got) - want) /
                     std::ldexp(1, std::max(std::ilogb(nearest == 0 ? 1e-45f
                                                                    : nearest),
                                            -126) -
                                       23);
  if (std::isinf(got) || std::isinf(nearest)) {
    // One step past the greatest number.
    float other = std::isinf(got) ? nearest : got;
    return std::fabs(other) == 0x1.fffffep127f ? 1 : INFINITY;
  }
  int exponent = std::max(std::ilogb(std::fabs(nearest) + 1e-45f), -126);
  return std::fabs(double(got) - want) / std::ldexp(1, exponent - 23);
}

struct Function {
  const char *op;
  double (*unary)(double);
  double (*binary)(double, double);
  double limit; ///< ULP
};

/// What differs from double precision only by rounding of the double itself.
static void function(const Function &f, uint32_t stride, bool flush) {
  std::string body =
      std::string("%y = ") + f.op + (f.unary ? " %x : f32" : " %x, %z : f32");
  codegen::Lacks lacks = codegen::Lacks::everything();
  auto made = compile(kernel("f32", "f32", body), &lacks);
  std::vector<float> a(count), b(count), r(count);
  double worst = 0;
  float worstA = 0, worstB = 0, worstR = 0;
  auto block = [&] {
    auto run = [&] {
      made->call("k",
                 {uint64_t(a.data()), uint64_t(b.data()), uint64_t(r.data())});
    };
    if (flush) {
      Flushing on;
      run();
    } else
      run();
    for (int64_t i = 0; i < count; ++i) {
      double want = f.unary ? f.unary(a[i]) : f.binary(a[i], b[i]);
      double error = errorOf(r[i], want);
      // What leads to these may be flushed.
      if (flush && want != 0 && std::fabs(want) < 0x1p-120)
        continue;
      if (error > worst) {
        worst = error;
        worstA = a[i];
        worstB = b[i];
        worstR = r[i];
      }
    }
  };
  if (f.unary) {
    uint64_t next = rng() % stride;
    for (int64_t i = 0; next < uint64_t(1) << 32; next += stride) {
      a[i++] = fromBits(uint32_t(next));
      if (i == count || next + stride >= uint64_t(1) << 32) {
        block();
        i = 0;
      }
    }
  } else {
    int64_t rounds = (uint64_t(1) << 32) / stride / count;
    for (int64_t round = 0; round < std::max<int64_t>(rounds / 4, 40);
         ++round) {
      Bytes x = operand("f32", 0, 0), y = operand("f32", 1, 0);
      std::memcpy(a.data(), x.data(), x.size());
      std::memcpy(b.data(), y.data(), y.size());
      if (round % 2)
        for (int64_t i = 0; i < count; ++i) { // where powers are finite
          a[i] = std::exp2(float(int32_t(rng())) / 0x1p29f);
          if (rng() % 4 == 0)
            a[i] = 1 + float(int32_t(rng())) / 0x1p40f;
          b[i] = float(int32_t(rng())) / 0x1p27f;
          if (rng() % 4 == 0)
            b[i] = std::rint(b[i]);
          if (rng() % 8 == 0)
            a[i] = -a[i];
        }
      block();
    }
  }
  char line[200];
  std::snprintf(line, sizeof line,
                "%-15s %s greatest error %.3f ULP, limit %.2f, at %a, %a: %a",
                f.op, flush ? "flushed" : "       ", worst, f.limit, worstA,
                worstB, worstR);
  bool bad = !(worst <= f.limit);
  failures += bad;
  if (bad || verbose)
    llvm::outs() << (bad ? "FAIL " : "ok   ") << line << "\n";
}

static const Function functions[] = {
    {"math.exp", std::exp, nullptr, 1.5},
    {"math.exp2", std::exp2, nullptr, 1.5},
    {"math.log", std::log, nullptr, 1.5},
    {"math.log2", std::log2, nullptr, 1.5},
    {"math.sin", std::sin, nullptr, 3},
    {"math.cos", std::cos, nullptr, 3},
    {"math.tanh", std::tanh, nullptr, 2.5},
    {"math.erf", std::erf, nullptr, 2.5},
    {"math.floor", std::floor, nullptr, 0},
    {"math.ceil", std::ceil, nullptr, 0},
    {"math.trunc", std::trunc, nullptr, 0},
    {"math.roundeven", std::rint, nullptr, 0},
    {"math.powf", nullptr, std::pow, 3},
    {"arith.remf", nullptr, std::fmod, 0},
};

int main(int argc, char **argv) {
  uint32_t stride = 4099;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    StringRef word(argv[i]);
    if (word.consume_front("--stride=")) {
      if (word.getAsInteger(10, stride) || !stride)
        return 2;
    } else if (word == "--verbose")
      verbose = true;
    else if (word.consume_front("--only="))
      only = word.str();
    else {
      llvm::errs() << "usage: nacre_decompose [--stride=N] [--verbose] "
                      "[--only=integers|floats|FUNCTION]\n";
      return 2;
    }
  }
  if (only.empty() || only == "integers")
    integers();
  if (only.empty() || only == "floats")
    floats();
  for (const Function &f : functions)
    if (only.empty() || only == f.op)
      for (bool flush : {false, true})
        function(f, stride, flush);
  llvm::outs() << (failures ? "failed\n" : "ok\n");
  return failures ? 1 : 0;
}
