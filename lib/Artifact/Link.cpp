//===- Link.cpp - linking in this process ---------------------------------===//
//
// lld as a library: no linker needs to be installed, and the result does not
// depend on which one is.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <lld/Common/Driver.h>

LLD_HAS_DRIVER(elf)

using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace nacre::artifact {

/// Runs the linker. It wants a folder of the output it may write temporaries
/// to; its messages become the error.
static llvm::Error runLinker(std::vector<std::string> arguments,
                             StringRef output, bool executable = false) {
  std::string temporary = (output + ".link").str();
  arguments.insert(arguments.begin(), "ld.lld");
  // One thread: models are few big sections, and a process that forks later
  // must not have idle threads.
  for (StringRef more : {"--threads=1", "--no-color-diagnostics", "-o"})
    arguments.push_back(more.str());
  arguments.push_back(temporary);
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string text;
  llvm::raw_string_ostream messages(text);
  lld::Result result =
      lld::lldMain(pointers, messages, messages, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) {
    fs::remove(temporary);
    llvm::SmallVector<StringRef> lines;
    StringRef(text).split(lines, '\n', -1, /*KeepEmpty=*/false);
    std::string first = "unknown reason";
    for (StringRef line : lines)
      if (line.consume_front("ld.lld: error: ")) {
        first = line.str();
        break;
      }
    return llvm::createStringError(output + ": cannot link: " + first);
  }
  return moveIntoPlace(temporary, output, executable);
}

llvm::Error linkRelocatable(llvm::ArrayRef<std::string> objects,
                            StringRef output) {
  std::vector<std::string> arguments = {"-r"};
  llvm::append_range(arguments, objects);
  return runLinker(std::move(arguments), output);
}

llvm::Error linkShared(llvm::ArrayRef<std::string> objects, StringRef output) {
  std::vector<std::string> arguments = {
      "-shared", "-z",  "noexecstack",
      "-z",      "now", ("-soname=" + llvm::sys::path::filename(output)).str()};
  llvm::append_range(arguments, objects);
  return runLinker(std::move(arguments), output);
}

/// The program that loads executables of a triple, as the C libraries' ABIs
/// name it; empty when unknown.
static std::string dynamicLinker(const llvm::Triple &triple) {
  bool hard = triple.getEnvironment() == llvm::Triple::GNUEABIHF ||
              triple.getEnvironment() == llvm::Triple::MuslEABIHF;
  if (triple.isMusl()) {
    StringRef arch = triple.getArchName();
    switch (triple.getArch()) {
    case llvm::Triple::x86:
      arch = "i386";
      break;
    case llvm::Triple::arm:
      arch = hard ? "armhf" : "arm";
      break;
    default:
      break;
    }
    return ("/lib/ld-musl-" + arch + ".so.1").str();
  }
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return "/lib64/ld-linux-x86-64.so.2";
  case llvm::Triple::x86:
    return "/lib/ld-linux.so.2";
  case llvm::Triple::aarch64:
    return "/lib/ld-linux-aarch64.so.1";
  case llvm::Triple::riscv64:
    return "/lib/ld-linux-riscv64-lp64d.so.1";
  case llvm::Triple::arm:
    return hard ? "/lib/ld-linux-armhf.so.3" : "/lib/ld-linux.so.3";
  default:
    return "";
  }
}

/// Debian's name of the folder of a triple's libraries.
static std::string multiarch(const llvm::Triple &triple) {
  StringRef arch = triple.getArch() == llvm::Triple::x86 ? StringRef("i386")
                                                         : triple.getArchName();
  StringRef environment = triple.getEnvironmentName();
  return (arch + "-linux-" + (environment.empty() ? "gnu" : environment)).str();
}

static std::vector<std::string> libraryFolders(const llvm::Triple &triple) {
  std::string name = multiarch(triple);
  std::vector<std::string> folders = {"/usr/lib/" + name, "/lib/" + name,
                                      "/usr/" + name + "/lib"};
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (host.getArch() == triple.getArch())
    llvm::append_range(
        folders, std::initializer_list<std::string>{"/usr/lib64", "/lib64",
                                                    "/usr/lib", "/lib"});
  llvm::erase_if(folders, [](const std::string &folder) {
    return !fs::is_directory(folder);
  });
  return folders;
}

static std::string findFile(llvm::ArrayRef<std::string> folders,
                            StringRef name) {
  for (const std::string &folder : folders)
    if (std::string path = folder + "/" + name.str(); fs::exists(path))
      return path;
  return "";
}

/// Of the package that has crt1.o and libc.so.
static std::string packageFor(const llvm::Triple &triple) {
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (host.getArch() == triple.getArch())
    return "libc6-dev";
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return "libc6-dev-amd64-cross";
  case llvm::Triple::aarch64:
    return "libc6-dev-arm64-cross";
  case llvm::Triple::riscv64:
    return "libc6-dev-riscv64-cross";
  case llvm::Triple::arm:
    return "libc6-dev-armhf-cross";
  default:
    return "the C library's development files";
  }
}

llvm::Error linkExecutable(llvm::ArrayRef<std::string> inputs,
                           StringRef tripleName, StringRef output) {
  llvm::Triple triple{llvm::Triple::normalize(tripleName)};
  std::string loader = dynamicLinker(triple);
  if (!triple.isOSLinux() || loader.empty())
    return llvm::createStringError("building an executable is not supported "
                                   "for " +
                                   tripleName);
  std::vector<std::string> folders = libraryFolders(triple), missing;
  auto need = [&](StringRef name) {
    std::string path = findFile(folders, name);
    if (path.empty())
      missing.push_back(name.str());
    return path;
  };
  std::string start = need("Scrt1.o"), init = need("crti.o"),
              fini = need("crtn.o"), libc = need("libc.so");
  if (!missing.empty())
    return llvm::createStringError(
        output + ": cannot link: " + llvm::join(missing, ", ") +
        " not found, install " + packageFor(triple));

  std::vector<std::string> arguments = {"-pie",          "-dynamic-linker",
                                        loader,          "-z",
                                        "relro",         "-z",
                                        "now",           "-z",
                                        "noexecstack",   "--gc-sections",
                                        "--as-needed",   "--hash-style=gnu",
                                        "--eh-frame-hdr"};
  for (const std::string &folder : folders)
    arguments.push_back("-L" + folder);
  llvm::append_range(arguments,
                     std::initializer_list<std::string>{start, init});
  llvm::append_range(arguments, inputs);
  // Until glibc 2.34 threads and mathematics are libraries of their own; later
  // empty archives stand in for them.
  for (StringRef library : {"m", "pthread"})
    if (!findFile(folders, ("lib" + library + ".so").str()).empty() ||
        !findFile(folders, ("lib" + library + ".a").str()).empty())
      arguments.push_back(("-l" + library).str());
  arguments.push_back("-lc");
  arguments.push_back(fini);
  return runLinker(std::move(arguments), output, /*executable=*/true);
}

} // namespace nacre::artifact
