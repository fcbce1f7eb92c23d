//===- Names.cpp - identifiers in scope -----------------------------------===//
//
// One list of words for both languages, so that a kernel's variables are called
// the same in each. Sources: OpenCL C 1.2, 6.1.9 and 6.12; WGSL, 15 (keywords
// and reserved words), 16 and 17 (predeclared types and functions).
//
//===----------------------------------------------------------------------===//
#include "Names.h"
#include "Text.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

namespace nacre::codegen {

static const char *const words =
    // C and OpenCL C
    "auto break case char const continue default do double else enum extern "
    "float for goto if inline int long register restrict return short signed "
    "sizeof static struct switch typedef union unsigned void volatile while "
    "bool half uchar ushort uint ulong size_t ptrdiff_t intptr_t uintptr_t "
    "kernel global local constant private read_only write_only read_write "
    "event_t sampler_t image1d_t image2d_t image3d_t complex imaginary quad "
    "true false main NULL NAN INFINITY HUGE_VAL HUGE_VALF MAXFLOAT generic "
    "pipe uniform "
    "acos acosh acospi asin asinh asinpi atan atan2 atanh atanpi atan2pi cbrt "
    "ceil copysign cos cosh cospi erfc erf exp exp2 exp10 expm1 fabs fdim "
    "floor fma fmax fmin fmod fract frexp hypot ilogb ldexp lgamma lgamma_r "
    "log log2 log10 log1p logb mad maxmag minmag modf nan nextafter pow pown "
    "powr remainder remquo rint rootn round rsqrt sin sincos sinh sinpi sqrt "
    "tan tanh tanpi tgamma trunc abs abs_diff add_sat hadd rhadd clamp clz "
    "mad_hi mad_sat max min mul_hi rotate sub_sat upsample popcount mad24 "
    "mul24 degrees mix radians step smoothstep sign cross dot distance length "
    "normalize isequal isnotequal isgreater isless isfinite isinf isnan "
    "isnormal isordered isunordered signbit any all bitselect select vload2 "
    "vload3 vload4 vstore2 vstore3 vstore4 barrier mem_fence prefetch "
    "atomic_xchg atomic_add shuffle shuffle2 printf as_int as_uint as_float "
    "as_long as_ulong as_double M_PI M_E "
    // WGSL, keywords
    "alias const_assert continuing diagnostic discard enable fn let loop "
    "override requires var "
    // WGSL, reserved
    "NULL Self abstract active alignas alignof as asm asm_fragment async "
    "attribute await become cast catch class co_await co_return co_yield "
    "coherent column_major common compile compile_fragment concept const_cast "
    "consteval constexpr constinit crate debugger decltype delete demote "
    "demote_to_helper do dynamic_cast enum explicit export extends extern "
    "external fallthrough filter final finally friend from fxgroup get goto "
    "groupshared highp impl implements import inline instanceof interface "
    "layout lowp macro macro_rules match mediump meta mod module move mut "
    "mutable namespace new nil noexcept noinline nointerpolation "
    "non_coherent noncoherent noperspective null nullptr of operator package "
    "packoffset partition pass patch pixelfragment precise precision premerge "
    "priv protected pub public readonly ref regardless register "
    "reinterpret_cast require resource restrict self set shared sizeof smooth "
    "snorm static_assert static_cast std subroutine super target template "
    "this thread_local throw trait try type typedef typeid typename typeof "
    "union unless unorm unsafe unsized use using varying virtual volatile "
    "wgsl where with writeonly yield "
    // WGSL, predeclared
    "f16 f32 i32 u32 vec2 vec3 vec4 vec2f vec3f vec4f vec2i vec3i vec4i vec2u "
    "vec3u vec4u vec2h vec3h vec4h array atomic ptr sampler bitcast "
    "arrayLength workgroup storage function read write abs acosh "
    "countLeadingZeros countOneBits countTrailingZeros determinant "
    "extractBits faceForward firstLeadingBit firstTrailingBit insertBits "
    "inverseSqrt quantizeToF16 reflect refract reverseBits saturate transpose "
    "dpdx dpdy fwidth atomicLoad atomicStore atomicAdd atomicSub atomicMax "
    "atomicMin atomicAnd atomicOr atomicXor atomicExchange storageBarrier "
    "workgroupBarrier textureBarrier workgroupUniformLoad subgroupAdd "
    // of this printer
    "memory memory_atomic status group item workgroup_id num_workgroups "
    "local_index ";

bool isReservedName(llvm::StringRef name) {
  static const llvm::StringSet<> reserved = [] {
    llvm::SmallVector<llvm::StringRef> list;
    llvm::StringRef(words).split(list, ' ', -1, /*KeepEmpty=*/false);
    llvm::StringSet<> set;
    for (llvm::StringRef word : list)
      set.insert(word);
    return set;
  }();
  // Vector types of OpenCL C (float4, as_int4), builtins of other extensions.
  llvm::StringRef stem = name.rtrim("0123456789");
  if (stem != name && !stem.empty() &&
      (stem == "float" || stem == "double" || stem == "half" ||
       stem == "char" || stem == "uchar" || stem == "short" ||
       stem == "ushort" || stem == "int" || stem == "uint" || stem == "long" ||
       stem == "ulong" || stem == "bool"))
    return true;
  for (const char *prefix :
       {"get_",        "as_",     "convert_", "atom_", "atomic_",  "read_image",
        "write_image", "native_", "half_",    "CL_",   "CLK_",     "mat2x",
        "mat3x",       "mat4x",   "texture_", "__",    "subgroup", "sub_group",
        "work_group",  "chunk_",  "memory_",  "bits_"})
    if (name.starts_with(prefix))
      return true;
  return name == "_" || name.empty() || reserved.contains(name);
}

bool Names::isFree(llvm::StringRef name) const {
  for (const Scope &scope : scopes)
    if (scope.taken.contains(name))
      return false;
  return !isReservedName(name);
}

static std::string identifier(llvm::StringRef hint) {
  std::string name;
  for (char c : hint)
    name += llvm::isAlnum(c) ? c : '_';
  while (llvm::StringRef(name).starts_with("_"))
    name.erase(0, 1);
  return name.empty() || llvm::isDigit(name[0]) ? "v" + name : name;
}

std::string Names::plain(llvm::StringRef hint) {
  std::string name = identifier(hint);
  if (!isFree(name))
    return numbered(name);
  take(name);
  return name;
}

std::string Names::numbered(llvm::StringRef hint) {
  std::string stem = identifier(hint);
  if (llvm::isDigit(stem.back()))
    stem += '_';
  if (isReservedName(stem + "0"))
    stem = "v_" + stem;
  unsigned n = 0;
  for (const Scope &scope : scopes)
    if (auto at = scope.next.find(stem); at != scope.next.end())
      n = std::max(n, at->second);
  while (!isFree(stem + std::to_string(n)))
    ++n;
  scopes.back().next[stem] = n + 1;
  take(stem + std::to_string(n));
  return stem + std::to_string(n);
}

std::string Names::loop() {
  for (llvm::StringRef name : {"i", "j", "k", "l", "m", "n", "o", "p", "q"})
    if (isFree(name)) {
      take(name);
      return name.str();
    }
  return numbered("i");
}

} // namespace nacre::codegen
