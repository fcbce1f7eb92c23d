//===- History.h - the numbers of a training, as files and curves -*- C++
//-*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_HISTORY_H
#define NACRE_LIB_DRIVER_TRAIN_HISTORY_H

#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nacre::driver {

/// One row: a step of training (`valid` false), or an evaluation after `step`
/// steps.
struct Record {
  int64_t step = 0;  ///< steps done
  int64_t epoch = 0; ///< the epoch of the last of them, from 1
  bool valid = false;
  std::vector<std::pair<std::string, double>> values; ///< loss first
};

/// The value of that name, or NaN.
double valueOf(const Record &record, llvm::StringRef name);

/// A log file that grows by a line a record: .csv with a header, or .jsonl.
/// Numbers have as many digits as give the same number back.
class LogFile {
public:
  /// Begins the file, or with `keepSteps` >= 0 goes on with it: records up to
  /// that step stay, are read into `history`, and others are cut off.
  static llvm::Expected<std::unique_ptr<LogFile>>
  open(llvm::StringRef path, int64_t keepSteps, std::vector<Record> &history);
  llvm::Error add(const Record &record);
  ~LogFile();

private:
  LogFile() = default;
  std::string path;
  bool csv = false;
  std::vector<std::string> columns; ///< of csv, after step, epoch and set
  int descriptor = -1;
  llvm::Error append(llvm::StringRef text);
};

/// "0.125", "1e-05": the shortest text of at most `digits` digits.
std::string numberText(double value, int digits = 17);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_HISTORY_H
