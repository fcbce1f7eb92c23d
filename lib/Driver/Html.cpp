//===- Html.cpp - a report as a page --------------------------------------===//

#include "Html.h"
#include "llvm/Support/JSON.h"
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace nacre::driver {

std::string escapeHtml(const std::string &given) {
  std::string result;
  const std::string text =
      llvm::json::isUTF8(given) ? given : llvm::json::fixUTF8(given);
  for (unsigned char c : text) {
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    case '\'':
      result += "&#39;";
      break;
    default:
      result += c < 0x20 && c != '\n' ? ' ' : char(c);
    }
  }
  return result;
}

static std::string valueText(const Json &value) {
  if (value.is_string())
    return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

static std::string table(const Json &rows) {
  std::string html = "<table>\n<tr>";
  for (const auto &[key, value] : rows[0].items())
    html += "<th>" + escapeHtml(key) + "</th>";
  html += "</tr>\n";
  for (const Json &row : rows) {
    html += "<tr>";
    for (const auto &[key, first] : rows[0].items()) {
      bool number = row.contains(key) && row[key].is_number();
      html += number ? "<td class=\"number\">" : "<td>";
      html +=
          (row.contains(key) ? escapeHtml(valueText(row[key])) : "") + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string htmlPage(const std::string &title, const Json &report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
      escapeHtml(title) +
      "</title>\n<style>\nbody { font: 15px/1.5 sans-serif; margin: 2em auto; "
      "max-width: 72em; padding: 0 1em; }\ntable { border-collapse: collapse; "
      "}\nth, td { border: 1px solid #ccc; padding: 2px 8px; text-align: left; "
      "}\n.number { text-align: right; }\npre { overflow-x: auto; }\n"
      "</style>\n</head>\n<body>\n<h1>" +
      escapeHtml(title) + "</h1>\n<dl>\n";
  auto isTable = [](const Json &value) {
    return value.is_array() && !value.empty() && value[0].is_object();
  };
  auto isText = [](const Json &value) {
    return value.is_string() &&
           value.get<std::string>().find('\n') != std::string::npos;
  };
  for (const auto &[key, value] : report.items())
    if (!isTable(value) && !isText(value))
      html += "<dt>" + escapeHtml(key) + "</dt><dd>" +
              escapeHtml(valueText(value)) + "</dd>\n";
  html += "</dl>\n";
  for (const auto &[key, value] : report.items()) {
    if (isTable(value))
      html += "<h2>" + escapeHtml(key) + "</h2>\n" + table(value);
    else if (isText(value))
      html += "<h2>" + escapeHtml(key) + "</h2>\n<pre>" +
              escapeHtml(value.get<std::string>()) + "</pre>\n";
  }
  return html + "</body>\n</html>\n";
}

} // namespace nacre::driver
