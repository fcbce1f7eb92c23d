//===- History.cpp - the numbers of a training, as files ------------------===//

#include "History.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

double valueOf(const Record &record, StringRef name) {
  for (const auto &[key, value] : record.values)
    if (key == name)
      return value;
  return std::numeric_limits<double>::quiet_NaN();
}

std::string numberText(double value, int digits) {
  if (!std::isfinite(value))
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  char text[40];
  for (int precision = 1; precision <= digits; ++precision) {
    std::snprintf(text, sizeof text, "%.*g", precision, value);
    if (std::strtod(text, nullptr) == value)
      break;
  }
  return text;
}

static llvm::Error cannotWrite(const Twine &path) {
  return fail(ExitUsage,
              path + ": cannot write: " +
                  std::error_code(errno, std::generic_category()).message());
}

/// A name in a header of CSV: quoted where RFC 4180 wants it.
static std::string csvField(StringRef text) {
  if (text.find_first_of(",\"\n\r") == StringRef::npos)
    return text.str();
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

static std::vector<std::string> csvFields(StringRef line) {
  std::vector<std::string> fields(1);
  bool inside = false;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (c == '"' && inside && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[++i];
    else if (c == '"')
      inside = !inside;
    else if (c == ',' && !inside)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

static std::string jsonLine(const Record &record) {
  Json json = {{"step", record.step},
               {"epoch", record.epoch},
               {"set", record.valid ? "valid" : "train"}};
  for (const auto &[name, value] : record.values)
    json[name] = value;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// A record of a line of a log, or nullopt when it is none (the last line of a
/// process that was killed).
static std::optional<Record> readCsv(StringRef line,
                                     llvm::ArrayRef<std::string> columns) {
  std::vector<std::string> fields = csvFields(line);
  Record record;
  if (fields.size() != columns.size() + 3 ||
      StringRef(fields[0]).getAsInteger(10, record.step) ||
      StringRef(fields[1]).getAsInteger(10, record.epoch))
    return std::nullopt;
  record.valid = fields[2] == "valid";
  for (auto [i, column] : llvm::enumerate(columns))
    if (const std::string &field = fields[i + 3]; !field.empty())
      record.values.emplace_back(column, std::strtod(field.c_str(), nullptr));
  return record;
}

static std::optional<Record> readJson(StringRef line) {
  Json json = Json::parse(line.begin(), line.end(), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") ||
      !json["step"].is_number_integer() || !json.contains("epoch") ||
      !json["epoch"].is_number_integer())
    return std::nullopt;
  Record record;
  record.step = json["step"];
  record.epoch = json["epoch"];
  record.valid = json.contains("set") && json["set"] == "valid";
  for (const auto &[name, value] : json.items())
    if (name != "step" && name != "epoch" && value.is_number())
      record.values.emplace_back(name, value.get<double>());
  return record;
}

llvm::Expected<std::unique_ptr<LogFile>>
LogFile::open(StringRef path, int64_t keepSteps, std::vector<Record> &history) {
  StringRef extension = llvm::sys::path::extension(path);
  if (extension != ".csv" && extension != ".jsonl")
    return fail(ExitUsage, "--log: '" + path + "' is neither .csv nor .jsonl");
  std::unique_ptr<LogFile> log(new LogFile);
  log->path = path.str();
  log->csv = extension == ".csv";
  std::string kept;
  if (keepSteps >= 0) {
    auto old = llvm::MemoryBuffer::getFile(path);
    bool first = true;
    for (StringRef rest = old ? (*old)->getBuffer() : ""; !rest.empty();) {
      StringRef line;
      bool whole = rest.contains('\n');
      std::tie(line, rest) = rest.split('\n');
      if (!whole)
        break;
      if (log->csv && first) {
        std::vector<std::string> fields = csvFields(line);
        if (fields.size() < 3 || fields[0] != "step")
          return fail(ExitModel, path + ": not a log of nacre train");
        log->columns.assign(fields.begin() + 3, fields.end());
      } else {
        std::optional<Record> record =
            log->csv ? readCsv(line, log->columns) : readJson(line);
        if (!record)
          return fail(ExitModel, path + ": not a log of nacre train");
        if (record->step > keepSteps)
          break;
        history.push_back(std::move(*record));
      }
      first = false;
      kept += line.str() + "\n";
    }
  }
  if (llvm::Error error =
          artifact::writeFile(path, [&](llvm::raw_ostream &os) { os << kept; }))
    return withCode(ExitUsage, std::move(error));
  log->descriptor =
      ::open(log->path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  if (log->descriptor < 0)
    return cannotWrite(path);
  return log;
}

LogFile::~LogFile() {
  if (descriptor >= 0)
    ::close(descriptor);
}

llvm::Error LogFile::append(StringRef text) {
  // One write a line: what a killed process leaves are whole lines, but for
  // the last.
  while (!text.empty()) {
    ssize_t done = ::write(descriptor, text.data(), text.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return cannotWrite(path);
    text = text.drop_front(done);
  }
  return llvm::Error::success();
}

llvm::Error LogFile::add(const Record &record) {
  if (!csv)
    return append(jsonLine(record));
  std::string text;
  // The first record has all columns: a step has more than an evaluation.
  if (columns.empty()) {
    text = "step,epoch,set";
    for (const auto &[name, value] : record.values) {
      columns.push_back(name);
      text += "," + csvField(name);
    }
    text += "\n";
  }
  text += std::to_string(record.step) + "," + std::to_string(record.epoch) +
          (record.valid ? ",valid" : ",train");
  for (const std::string &column : columns) {
    auto at = llvm::find_if(record.values, [&](const auto &value) {
      return value.first == column;
    });
    text += ",";
    if (at != record.values.end())
      text += numberText(at->second);
  }
  return append(text + "\n");
}

} // namespace nacre::driver
