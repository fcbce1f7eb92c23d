//===- Disassemble.cpp - native code as text ------------------------------===//
//
// The object itself is read back, so that what is shown is what is linked.
//
//===----------------------------------------------------------------------===//

#include "Disassemble.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/Support/TargetSelect.h"

using llvm::StringRef;
namespace object = llvm::object;

namespace nacre::cpu {

namespace {
/// What LLVM needs to print the instructions of one target.
struct Printer {
  llvm::Triple triple;
  llvm::MCTargetOptions options;
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> assembly;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> decoder;
  std::unique_ptr<llvm::MCInstPrinter> printer;

  explicit Printer(const CompiledCode &code)
      : triple(llvm::Triple::normalize(code.triple)) {}

  llvm::Error create(const CompiledCode &code) {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllDisassemblers();
    std::string error;
    const llvm::Target *target =
        llvm::TargetRegistry::lookupTarget(triple, error);
    if (!target)
      return fail(ExitUsage, error);
    registers.reset(target->createMCRegInfo(triple));
    assembly.reset(target->createMCAsmInfo(*registers, triple, options));
    subtarget.reset(
        target->createMCSubtargetInfo(triple, code.cpu, code.features));
    instructions.reset(target->createMCInstrInfo());
    context = std::make_unique<llvm::MCContext>(
        triple, assembly.get(), registers.get(), subtarget.get());
    decoder.reset(target->createMCDisassembler(*subtarget, *context));
    printer.reset(
        target->createMCInstPrinter(triple, assembly->getAssemblerDialect(),
                                    *assembly, *instructions, *registers));
    if (!decoder || !printer)
      return fail(ExitUsage, "no disassembler for " + code.triple);
    return llvm::Error::success();
  }
};
} // namespace

static llvm::Error printSection(Printer &p, const object::ObjectFile &file,
                                const object::SectionRef &section,
                                llvm::raw_ostream &os) {
  llvm::Expected<StringRef> contents = section.getContents();
  llvm::Expected<StringRef> name = section.getName();
  if (!contents || !name)
    return llvm::joinErrors(contents.takeError(), name.takeError());
  std::multimap<uint64_t, std::string> labels, relocations;
  for (const object::SymbolRef &symbol : file.symbols()) {
    auto in = symbol.getSection();
    auto at = symbol.getAddress();
    auto label = symbol.getName();
    if (in && at && label && *in != file.section_end() && **in == section &&
        !label->empty() && *label != *name)
      labels.emplace(*at, label->str());
    llvm::consumeError(in.takeError());
    llvm::consumeError(at.takeError());
    llvm::consumeError(label.takeError());
  }
  for (const object::SectionRef &other : file.sections()) {
    auto target = other.getRelocatedSection();
    if (!target || *target == file.section_end() || **target != section) {
      llvm::consumeError(target.takeError());
      continue;
    }
    for (const object::RelocationRef &relocation : other.relocations()) {
      llvm::SmallString<32> type;
      relocation.getTypeName(type);
      std::string text = type.str().str();
      if (auto symbol = relocation.getSymbol(); symbol != file.symbol_end()) {
        auto label = symbol->getName();
        if (label)
          text += " " + label->str();
        llvm::consumeError(label.takeError());
      }
      relocations.emplace(relocation.getOffset(), text);
    }
  }

  os << "\nsection " << *name << "\n";
  llvm::ArrayRef<uint8_t> bytes(contents->bytes_begin(), contents->size());
  for (uint64_t at = 0; at < bytes.size();) {
    for (auto [i, end] = labels.equal_range(at); i != end; ++i)
      os << i->second << ":\n";
    llvm::MCInst instruction;
    uint64_t size = 0;
    bool known = p.decoder->getInstruction(instruction, size, bytes.slice(at),
                                           at, llvm::nulls()) ==
                 llvm::MCDisassembler::Success;
    os << llvm::format_hex_no_prefix(at, 8) << ":";
    if (known)
      p.printer->printInst(&instruction, at, "", *p.subtarget, os);
    else
      os << "\t.byte " << llvm::format_hex(bytes[at], 4);
    size = known ? size : std::max<uint64_t>(size, 1);
    os << "\n";
    for (auto i = relocations.lower_bound(at),
              end = relocations.lower_bound(at + size);
         i != end; ++i)
      os << "\t\t; " << i->second << "\n";
    at += size;
  }
  return llvm::Error::success();
}

llvm::Expected<std::string> disassemble(const CompiledCode &code) {
  auto file = object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(code.object, "object"));
  if (!file)
    return file.takeError();
  Printer printer(code);
  if (llvm::Error error = printer.create(code))
    return error;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "; " << code.triple << ", cpu " << code.cpu << "\n";
  for (const object::SectionRef &section : (*file)->sections())
    if (section.isText() && section.getSize())
      if (llvm::Error error = printSection(printer, **file, section, os))
        return error;
  return text;
}

} // namespace nacre::cpu
