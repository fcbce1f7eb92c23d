//===- Html.h - a report as a page ------------------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_HTML_H
#define NACRE_LIB_DRIVER_HTML_H

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace nacre::driver {

/// Text of an element or an attribute of HTML and XML. What is not UTF-8 is
/// replaced, control characters become spaces.
std::string escapeHtml(const std::string &text);

/// A page with a table for every list of objects in `report` and a definition
/// list of the rest. All text is escaped.
std::string htmlPage(const std::string &title,
                     const nlohmann::ordered_json &report);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_HTML_H
