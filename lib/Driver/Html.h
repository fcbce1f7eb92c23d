//===- Html.h - a report as a page ------------------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_HTML_H
#define NACRE_LIB_DRIVER_HTML_H

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace nacre::driver {

/// A page with a table for every list of objects in `report` and a definition
/// list of the rest. All text is escaped.
std::string htmlPage(const std::string &title,
                     const nlohmann::ordered_json &report);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_HTML_H
