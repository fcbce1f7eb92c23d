//===- DataObject.cpp - relocatable ELF objects of plain data -------------===//
//
// An object of five or six sections:
//
//   0            the null section
//   1 data       the bytes, 64-byte aligned
//   2 .symtab    null, the data's symbol, and the pointer's target if any
//   3 .strtab    their names, then the sections' names (one table for both)
//   4 .note.GNU-stack   empty: the stack need not be executable
//   5 .rel(a)    pointer objects only: one absolute relocation
//
// Format: System V ABI, chapter 4; relocation numbers from the processor
// supplements.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::StringRef;
namespace ELF = llvm::ELF;

namespace nacre::artifact {

namespace {
struct DataSection {
  std::string name;
  uint32_t type = ELF::SHT_PROGBITS;
  uint64_t flags = 0, size = 0;
  llvm::function_ref<void(uint8_t *)> write;
  std::string symbol;
  std::string target; ///< of a pointer; empty for bytes
};

/// Names packed into one string table.
struct StringTable {
  std::string bytes = std::string(1, '\0');
  uint32_t add(StringRef name) {
    uint32_t at = bytes.size();
    bytes += name;
    bytes += '\0';
    return at;
  }
};
} // namespace

static uint32_t absoluteRelocation(uint16_t machine) {
  switch (machine) {
  case ELF::EM_X86_64:
    return ELF::R_X86_64_64;
  case ELF::EM_AARCH64:
    return ELF::R_AARCH64_ABS64;
  case ELF::EM_RISCV: // by class
    return 0;
  case ELF::EM_386:
    return ELF::R_386_32;
  case ELF::EM_ARM:
    return ELF::R_ARM_ABS32;
  default:
    return 0;
  }
}

template <class ELFT>
static llvm::Error writeObject(const CompiledCode &code,
                               const DataSection &data, StringRef path) {
  using Ehdr = typename ELFT::Ehdr;
  using Shdr = typename ELFT::Shdr;
  using Sym = typename ELFT::Sym;
  Ehdr model;
  std::memcpy(&model, code.object.data(), sizeof model);
  uint16_t machine = model.e_machine;
  bool isPointer = !data.target.empty();
  // The 32-bit processors below keep addends in place.
  bool hasAddends = machine != ELF::EM_386 && machine != ELF::EM_ARM;
  uint32_t relocation =
      machine == ELF::EM_RISCV
          ? (ELFT::Is64Bits ? ELF::R_RISCV_64 : ELF::R_RISCV_32)
          : absoluteRelocation(machine);
  if (isPointer && !relocation)
    return llvm::createStringError("building an executable is not supported "
                                   "for the processor of " +
                                   code.triple);

  constexpr unsigned sectionCount = 5;
  unsigned count = sectionCount + isPointer;
  std::vector<Shdr> sections(count);
  std::memset(sections.data(), 0, count * sizeof(Shdr));
  StringTable names;
  std::vector<Sym> symbols(isPointer ? 3 : 2);
  std::memset(symbols.data(), 0, symbols.size() * sizeof(Sym));
  symbols[1].st_name = names.add(data.symbol);
  symbols[1].setBindingAndType(ELF::STB_GLOBAL, ELF::STT_OBJECT);
  symbols[1].setVisibility(ELF::STV_HIDDEN);
  symbols[1].st_shndx = 1;
  symbols[1].st_size = data.size;
  if (isPointer) {
    symbols[2].st_name = names.add(data.target);
    symbols[2].setBindingAndType(ELF::STB_GLOBAL, ELF::STT_NOTYPE);
  }

  uint64_t end = sizeof(Ehdr);
  auto place = [&](unsigned index, StringRef name, uint32_t type,
                   uint64_t flags, uint64_t size, uint64_t align,
                   uint64_t entry) {
    Shdr &section = sections[index];
    end = llvm::alignTo(end, align);
    section.sh_name = names.add(name);
    section.sh_type = type;
    section.sh_flags = flags;
    section.sh_offset = end;
    section.sh_size = size;
    section.sh_addralign = align;
    section.sh_entsize = entry;
    if (type != ELF::SHT_NOBITS)
      end += size;
  };
  place(1, data.name, data.type, data.flags, data.size, 64, 0);
  place(2, ".symtab", ELF::SHT_SYMTAB, 0, symbols.size() * sizeof(Sym), 8,
        sizeof(Sym));
  sections[2].sh_link = 3;
  sections[2].sh_info = 1; // the first global symbol
  place(4, ".note.GNU-stack", ELF::SHT_PROGBITS, 0, 0, 1, 0);
  if (isPointer) {
    uint64_t size =
        hasAddends ? sizeof(typename ELFT::Rela) : sizeof(typename ELFT::Rel);
    place(5, (hasAddends ? ".rela" : ".rel") + data.name,
          hasAddends ? ELF::SHT_RELA : ELF::SHT_REL, ELF::SHF_INFO_LINK, size,
          8, size);
    sections[5].sh_link = 2;
    sections[5].sh_info = 1;
  }
  uint32_t ownName = names.add(".strtab");
  place(3, "", ELF::SHT_STRTAB, 0, names.bytes.size() + 1, 1, 0);
  sections[3].sh_name = ownName;
  uint64_t tableAt = llvm::alignTo(end, 8);

  Ehdr header;
  std::memset(&header, 0, sizeof header);
  std::memcpy(header.e_ident, model.e_ident, ELF::EI_NIDENT);
  header.e_type = ELF::ET_REL;
  header.e_machine = machine;
  header.e_version = ELF::EV_CURRENT;
  header.e_flags = model.e_flags; // float ABI of RISC-V and ARM
  header.e_ehsize = sizeof(Ehdr);
  header.e_shoff = tableAt;
  header.e_shentsize = sizeof(Shdr);
  header.e_shnum = count;
  header.e_shstrndx = 3;

  return writeMappedFile(
      path, tableAt + count * sizeof(Shdr),
      [&](uint8_t *file) {
        std::memcpy(file, &header, sizeof header);
        if (data.write)
          data.write(file + sections[1].sh_offset);
        std::memcpy(file + sections[2].sh_offset, symbols.data(),
                    symbols.size() * sizeof(Sym));
        std::memcpy(file + sections[3].sh_offset, names.bytes.data(),
                    names.bytes.size());
        if (isPointer) {
          typename ELFT::Rela entry;
          std::memset(&entry, 0, sizeof entry);
          entry.setSymbolAndType(2, relocation, /*IsMips64EL=*/false);
          std::memcpy(file + sections[5].sh_offset, &entry,
                      sections[5].sh_size); // Rel is Rela's beginning
        }
        std::memcpy(file + tableAt, sections.data(), count * sizeof(Shdr));
      },
      Durability::Scratch);
}

static llvm::Error writeLike(const CompiledCode &code, const DataSection &data,
                             StringRef path) {
  const std::string &object = code.object;
  if (object.size() < sizeof(llvm::object::ELF64LE::Ehdr) ||
      StringRef(object).substr(0, 4) != StringRef("\x7f"
                                                  "ELF"))
    return llvm::createStringError("target " + code.triple +
                                   " does not use ELF objects");
  bool wide = object[ELF::EI_CLASS] == ELF::ELFCLASS64;
  bool little = object[ELF::EI_DATA] == ELF::ELFDATA2LSB;
  if (wide && little)
    return writeObject<llvm::object::ELF64LE>(code, data, path);
  if (!wide && little)
    return writeObject<llvm::object::ELF32LE>(code, data, path);
  return llvm::createStringError("target " + code.triple + " is big-endian");
}

static DataSection weightsSection(const CompiledCode &code, StringRef symbol) {
  DataSection data;
  data.symbol = (symbol + "_weights").str();
  data.size = code.weightsBytes;
  data.flags = ELF::SHF_ALLOC;
  data.name = ".rodata." + data.symbol;
  uint16_t machine = 0;
  if (code.object.size() > 20)
    std::memcpy(&machine, code.object.data() + 18, sizeof machine);
  // Beyond the reach of 32-bit offsets only the large sections link with any
  // code around; the linkers place them after everything else.
  if (machine == ELF::EM_X86_64 && code.weightsBytes >= uint64_t(1) << 31) {
    data.name = ".lrodata." + data.symbol;
    data.flags |= ELF::SHF_X86_64_LARGE;
  }
  return data;
}

llvm::Error writeWeightsObject(const CompiledCode &code, StringRef symbol,
                               StringRef path) {
  DataSection data = weightsSection(code, symbol);
  auto write = [&](uint8_t *image) {
    writeWeightsImage(code, image, /*imageIsFile=*/true);
  };
  data.write = write;
  return writeLike(code, data, path);
}

llvm::Error writeWeightsSpace(const CompiledCode &code, StringRef symbol,
                              StringRef path) {
  DataSection data = weightsSection(code, symbol);
  data.type = ELF::SHT_NOBITS;
  return writeLike(code, data, path);
}

template <typename ELFT>
static llvm::Error fillSection(const CompiledCode &code, StringRef section,
                               std::string object, StringRef path) {
  using Shdr = typename ELFT::Shdr;
  auto file = llvm::object::ELFFile<ELFT>::create(object);
  if (!file)
    return file.takeError();
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  for (const Shdr &header : *sections) {
    auto name = file->getSectionName(header);
    if (!name)
      return name.takeError();
    if (*name != section)
      continue;
    Shdr filled = header;
    filled.sh_type = ELF::SHT_PROGBITS;
    filled.sh_offset = llvm::alignTo(object.size(), header.sh_addralign);
    size_t at = reinterpret_cast<const char *>(&header) - object.data();
    return writeMappedFile(path, filled.sh_offset + filled.sh_size,
                           [&](uint8_t *bytes) {
                             llvm::copy(object, bytes);
                             std::memcpy(bytes + at, &filled, sizeof filled);
                             writeWeightsImage(code, bytes + filled.sh_offset,
                                               /*imageIsFile=*/true);
                           });
  }
  return llvm::createStringError("no section " + section);
}

llvm::Error fillWeights(const CompiledCode &code, StringRef symbol,
                        StringRef linked, StringRef path) {
  auto read = llvm::MemoryBuffer::getFile(linked, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!read)
    return llvm::errorCodeToError(read.getError());
  std::string object = (*read)->getBuffer().str();
  std::string section = weightsSection(code, symbol).name;
  if (object[ELF::EI_CLASS] == ELF::ELFCLASS64)
    return fillSection<llvm::object::ELF64LE>(code, section, std::move(object),
                                              path);
  return fillSection<llvm::object::ELF32LE>(code, section, std::move(object),
                                            path);
}

llvm::Error writePointerObject(const CompiledCode &code, StringRef name,
                               StringRef target, StringRef path) {
  DataSection data;
  bool wide = code.object.size() > ELF::EI_CLASS &&
              code.object[ELF::EI_CLASS] == ELF::ELFCLASS64;
  data.symbol = name.str();
  data.target = target.str();
  data.size = wide ? 8 : 4;
  data.flags = ELF::SHF_ALLOC | ELF::SHF_WRITE; // read-only after relocation
  data.name = ".data.rel.ro." + data.symbol;
  return writeLike(code, data, path);
}

} // namespace nacre::artifact
