//===- RooflinePage.cpp - the roofline of a run as a page -----------------===//
//
// Nothing is loaded from elsewhere, and colours follow the reader's choice of
// light or dark.
//
//===----------------------------------------------------------------------===//

#include "Html.h"
#include "Roofline.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

namespace nacre::driver {

static constexpr const char *style = R"(
:root { color-scheme: light dark; --ink: #222; --soft: #8888; --paper: #fff;
  --fma: #c2410c; --cache: #0e7490; --memory: #4338ca; --none: #777; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181a1b;
  --fma: #fb923c; --cache: #22d3ee; --memory: #a5b4fc; --none: #999; } }
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 72em;
  padding: 0 1em; color: var(--ink); background: var(--paper); }
svg { width: 100%; height: auto; }
svg text { font: 12px sans-serif; fill: var(--ink); }
.grid { stroke: var(--soft); stroke-width: 0.5; }
.roof { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.fma { fill: var(--fma); } .cache { fill: var(--cache); }
.memory { fill: var(--memory); } .none { fill: var(--none); }
circle { fill-opacity: 0.6; stroke: var(--paper); }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--soft); padding: 2px 8px; text-align: left; }
td.number { text-align: right; }
)";

namespace {

/// Where numbers stand on an axis whose ends are powers of ten.
struct LogAxis {
  LogAxis(double from, double to) : from(from), to(to) {}
  double from, to; ///< pixels
  int least = 0, most = 1;

  void cover(double value) {
    if (!(value > 0))
      return;
    int below = int(std::floor(std::log10(value)));
    least = isEmpty ? below : std::min(least, below);
    most = isEmpty ? below + 1 : std::max(most, below + 1);
    isEmpty = false;
  }
  double at(double value) const {
    return from + (std::log10(value) - least) / (most - least) * (to - from);
  }

private:
  bool isEmpty = true;
};

class Page {
public:
  explicit Page(const RooflinePage &page) : page(page) {}
  std::string text() {
    head();
    if (page.peaks.gflops > 0)
      plot();
    bars();
    table();
    os << "</body>\n</html>\n";
    return std::move(html);
  }

private:
  void head();
  void plot();
  void grid();
  void roof(double gbytes, const char *name);
  void dot(const KernelRate &rate);
  void bars();
  void table();
  void number(const char *format, double value) {
    os << "<td class=\"number\">" << llvm::format(format, value) << "</td>";
  }
  static std::string boundClass(const KernelRate &rate) {
    return rate.bound.empty() ? "none" : rate.bound.str();
  }
  static double intensity(const KernelRate &rate) {
    return double(rate.kernel->flops) /
           double(std::max<uint64_t>(rate.kernel->bytes, 1));
  }
  static std::string describe(const KernelRate &rate);

  const RooflinePage &page;
  std::string html;
  llvm::raw_string_ostream os{html};
  LogAxis x{70, 880}, y{420, 20};
};

} // namespace

/// One line on a kernel, escaped.
std::string Page::describe(const KernelRate &rate) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << rate.kernel->name << ": "
     << llvm::format("%.1f us, %.1f%%, %.2f GFLOP/s, %.2f GB/s",
                     rate.microseconds, 100 * rate.share, rate.gflops,
                     rate.gbytes);
  if (!rate.bound.empty())
    os << llvm::format(", %.0f%% of ", 100 * rate.roofShare) << rate.bound;
  os << ", " << rate.kernel->computes;
  return escapeHtml(text);
}

void Page::head() {
  std::string title = escapeHtml(page.title);
  os << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>"
     << title << "</title>\n<style>" << style << "</style>\n</head>\n<body>\n"
     << "<h1>" << title << "</h1>\n<p>" << escapeHtml(page.subtitle)
     << "</p>\n";
  if (page.peaks.gflops > 0)
    os << llvm::format("<p>Peaks: fma %.0f GFLOP/s, memory %.1f GB/s, cache "
                       "%.0f GB/s</p>\n",
                       page.peaks.gflops, page.peaks.memoryGBytes,
                       page.peaks.cacheGBytes);
}

/// Lines at the powers of ten, and what the axes are.
void Page::grid() {
  for (int power = x.least; power <= x.most; ++power) {
    double at = x.at(std::pow(10, power));
    os << llvm::format("<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" "
                       "x2=\"%.1f\" y2=\"%.1f\"/>",
                       at, y.from, at, y.to)
       << llvm::format("<text x=\"%.1f\" y=\"%.1f\">%g</text>\n", at,
                       y.from + 16, std::pow(10, power));
  }
  for (int power = y.least; power <= y.most; ++power) {
    double at = y.at(std::pow(10, power));
    os << llvm::format("<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" "
                       "x2=\"%.1f\" y2=\"%.1f\"/>",
                       x.from, at, x.to, at)
       << llvm::format("<text x=\"10\" y=\"%.1f\">%g</text>\n", at + 4,
                       std::pow(10, power));
  }
  os << "<text x=\"380\" y=\"455\">operations a byte</text>\n"
        "<text x=\"10\" y=\"14\">GFLOP/s</text>\n";
}

/// What can be reached when bytes come at this rate.
void Page::roof(double gbytes, const char *name) {
  double peak = page.peaks.gflops, least = std::pow(10, x.least),
         most = std::pow(10, x.most);
  if (!(gbytes > 0))
    return;
  // The slope enters at the left or at the bottom and ends at the peak.
  double begin = std::max(least, std::pow(10, y.least) / gbytes);
  double ridge = std::clamp(peak / gbytes, begin, most);
  double height = std::min(peak, ridge * gbytes);
  os << llvm::format("<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f "
                     "%.1f,%.1f\"/>",
                     x.at(begin), y.at(std::min(peak, begin * gbytes)),
                     x.at(ridge), y.at(height), x.at(most), y.at(height))
     << llvm::format("<text x=\"%.1f\" y=\"%.1f\">", x.at(begin) + 4,
                     y.at(std::min(peak, begin * gbytes)) - 6)
     << name << "</text>\n";
}

void Page::dot(const KernelRate &rate) {
  if (!rate.kernel->flops || !(rate.gflops > 0))
    return;
  os << llvm::format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"",
                     x.at(intensity(rate)), y.at(rate.gflops),
                     3 + 30 * std::sqrt(rate.share))
     << boundClass(rate) << "\"><title>" << describe(rate)
     << "</title></circle>\n";
}

void Page::plot() {
  x.cover(0.1);
  x.cover(page.peaks.gflops / std::max(page.peaks.memoryGBytes, 1e-3));
  y.cover(page.peaks.gflops);
  for (const KernelRate &rate : page.kernels)
    if (rate.kernel->flops && rate.gflops > 0) {
      x.cover(intensity(rate));
      y.cover(rate.gflops);
    }
  os << "<h2>Roofline</h2>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
        "viewBox=\"0 0 900 465\" role=\"img\">\n";
  grid();
  roof(page.peaks.memoryGBytes, "memory");
  roof(page.peaks.cacheGBytes, "cache");
  for (const KernelRate &rate : page.kernels)
    dot(rate);
  os << "</svg>\n";
}

void Page::bars() {
  double longest = 0;
  for (const KernelRate &rate : page.kernels)
    longest = std::max(longest, rate.microseconds);
  os << "<h2>Kernels in order</h2>\n<svg "
        "xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 "
     << 14 * page.kernels.size() + 4 << "\" role=\"img\">\n";
  for (auto [i, rate] : llvm::enumerate(page.kernels))
    os << llvm::format("<text x=\"0\" y=\"%u\">%.1f us</text><rect x=\"80\" "
                       "y=\"%u\" width=\"%.1f\" height=\"12\" class=\"",
                       unsigned(14 * i + 12), rate.microseconds,
                       unsigned(14 * i + 2),
                       longest > 0 ? 1 + 800 * rate.microseconds / longest : 1)
       << boundClass(rate) << "\"><title>" << describe(rate)
       << "</title></rect>\n";
  os << "</svg>\n";
}

void Page::table() {
  os << "<h2>Table</h2>\n<table>\n<tr>";
  for (const char *title : {"kernel", "us", "share, %", "GFLOP/s", "GB/s",
                            "bound", "schedule", "computes"})
    os << "<th>" << title << "</th>";
  os << "</tr>\n";
  for (const KernelRate &rate : page.kernels) {
    os << "<tr><td>" << escapeHtml(rate.kernel->name) << "</td>";
    number("%.1f", rate.microseconds);
    number("%.1f", 100 * rate.share);
    number("%.2f", rate.gflops);
    number("%.2f", rate.gbytes);
    os << "<td>";
    if (!rate.bound.empty())
      os << llvm::format("%.0f%% of ", 100 * rate.roofShare) << rate.bound;
    os << "</td><td>" << escapeHtml(rate.kernel->schedule) << "</td><td>"
       << escapeHtml(rate.kernel->computes) << "</td></tr>\n";
  }
  os << "</table>\n";
}

std::string rooflineHtml(const RooflinePage &page) { return Page(page).text(); }

} // namespace nacre::driver
