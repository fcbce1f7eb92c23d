//===- gradients_main.cpp - every rule of differentiation, measured -------===//
//
// Two processes share the cases. With --record the errors go into the table
// behind docs/gradients.md.
//
//===----------------------------------------------------------------------===//
#include "Gradients.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace nacre::test;

/// Every primitive with a rule must be a case.
static int countMissing(const std::vector<Case> &cases) {
  llvm::StringSet<> names;
  for (const Case &one : cases)
    names.insert(one.name);
  int missing = 0;
  for (mlir::RegisteredOperationName op :
       context()->getRegisteredOperationsByDialect("lazy"))
    if (op.hasInterface<nacre::lazy::DifferentiableOpInterface>() &&
        !names.contains(op.stripDialect())) {
      llvm::outs() << "FAIL " << op.getStringRef()
                   << " has a rule and no case here\n";
      ++missing;
    }
  return missing;
}

int main(int argc, char **argv) {
  std::string only, table;
  for (int i = 1; i < argc; ++i) {
    StringRef word(argv[i]);
    if (word.consume_front("--only="))
      only = word.str();
    else if (word.consume_front("--record="))
      table = word.str();
    else {
      llvm::errs() << "usage: nacre_gradients [--only=TEXT] "
                      "[--record=TABLE.tsv]\n";
      return 2;
    }
  }
  std::vector<Case> cases;
  addPrimitives(cases);
  addContractions(cases);
  addLayers(cases);
  int failures = countMissing(cases);
  llvm::erase_if(cases, [&](const Case &one) {
    return !StringRef(one.name).contains(only);
  });
  // A row a case: written by whichever process has it, read after both ended.
  struct Row {
    bool done, failed;
    Errors errors;
    char text[1000];
  };
  auto *rows = static_cast<Row *>(
      ::mmap(nullptr, cases.size() * sizeof(Row) + 1, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  constexpr size_t processes = 2;
  for (size_t p = 0; p < processes; ++p)
    if (::fork() == 0) {
      for (size_t k = p; k < cases.size(); k += processes) {
        std::string said;
        mlir::ScopedDiagnosticHandler handler(
            context(), [&](mlir::Diagnostic &d) { said += d.str() + "; "; });
        auto errors = check(cases[k]);
        rows[k].failed = !errors;
        if (errors)
          rows[k].errors = *errors;
        else
          said += llvm::toString(errors.takeError());
        said.copy(rows[k].text, sizeof rows[k].text - 1);
        rows[k].done = true;
      }
      ::_exit(0);
    }
  while (::wait(nullptr) > 0) {
  }
  std::error_code error;
  std::unique_ptr<llvm::raw_fd_ostream> os;
  if (!table.empty())
    os = std::make_unique<llvm::raw_fd_ostream>(table, error);
  size_t samples = 0;
  for (auto [k, one] : llvm::enumerate(cases)) {
    samples += one.samples.size();
    if (!rows[k].done || rows[k].failed) {
      llvm::outs() << "FAIL " << one.name << ": "
                   << (rows[k].done ? rows[k].text : "its process died")
                   << "\n";
      ++failures;
      continue;
    }
    if (!os)
      continue;
    char numbers[60];
    std::snprintf(numbers, sizeof numbers, "%.1e\t%.1e", rows[k].errors.f64,
                  rows[k].errors.f32);
    std::string shapes;
    for (auto &sample : one.samples)
      shapes += (shapes.empty() ? "" : "; ") + sample.shapes;
    *os << (one.isLayer ? "layer" : "op") << "\t" << one.name << "\t" << shapes
        << "\t" << numbers << "\n";
  }
  llvm::outs() << cases.size() << " functions, " << samples << " samples, "
               << failures << " failures\n";
  return failures ? 1 : 0;
}
