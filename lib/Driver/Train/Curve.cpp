//===- Curve.cpp - the loss over the steps, drawn -------------------------===//

#include "Curve.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using llvm::StringRef;

namespace nacre::driver {

namespace {
struct Point {
  double x, y;
};
} // namespace

/// The finite losses of training or of evaluations, over the steps done.
static std::vector<Point> lossesOf(llvm::ArrayRef<Record> history, bool valid) {
  std::vector<Point> points;
  for (const Record &record : history)
    if (record.valid == valid && !record.values.empty() &&
        std::isfinite(record.values.front().second))
      points.push_back({double(record.step), record.values.front().second});
  return points;
}

/// At most `most` points: means of equally many neighbours.
static std::vector<Point> thinned(const std::vector<Point> &points,
                                  size_t most) {
  std::vector<Point> result;
  size_t parts = std::min(points.size(), most);
  for (size_t part = 0; part < parts; ++part) {
    size_t begin = part * points.size() / parts,
           end = (part + 1) * points.size() / parts;
    Point mean{0, 0};
    for (size_t i = begin; i < end; ++i) {
      mean.x += points[i].x / double(end - begin);
      mean.y += points[i].y / double(end - begin);
    }
    result.push_back(mean);
  }
  return result;
}

std::vector<double> axisTicks(double low, double high, int most) {
  if (!(high > low)) {
    double room = low == 0 ? 1 : std::abs(low) / 2;
    low -= room;
    high += room;
  }
  double rough = (high - low) / std::max(1, most - 2);
  double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power * 10;
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  double first = std::floor(low / step + 1e-9),
         last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double n = first; n <= last; ++n)
    ticks.push_back(n * step);
  return ticks;
}

static std::string tickText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.4g", value);
  return text == "-0" ? "0" : text;
}

//===----------------------------------------------------------------------===//
// On the terminal
//===----------------------------------------------------------------------===//

std::string textCurve(llvm::ArrayRef<Record> history, int width, bool blocks) {
  constexpr int height = 8;
  constexpr int margin = 10;
  std::vector<Point> points = lossesOf(history, false);
  if (points.size() < 2 || width < margin + 12)
    return "";
  double firstStep = points.front().x, lastStep = points.back().x;
  points = thinned(points, width - margin);
  double low = points[0].y, high = points[0].y;
  for (const Point &point : points) {
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
  // A column is never empty: the lowest has an eighth of a character.
  const int eighths = height * 8;
  auto levelOf = [&](double y) {
    double part = high > low ? (y - low) / (high - low) : 0;
    return 1 + int(std::lround(part * (eighths - 1)));
  };
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int row = height - 1; row >= 0; --row) {
    std::string label = row == height - 1 ? tickText(high)
                        : row == 0        ? tickText(low)
                                          : "";
    os << llvm::right_justify(label, margin - 2) << " |";
    std::string line;
    for (const Point &point : points) {
      int level = std::clamp(levelOf(point.y) - row * 8, 0, 8);
      if (!blocks) {
        line += level >= 4 || (row == 0 && level) ? '#' : ' ';
        continue;
      }
      if (level == 0)
        line += ' ';
      else // U+2581 .. U+2588, lower one to eight eighths block
        line += {'\xe2', '\x96', char(0x80 + level)};
    }
    os << StringRef(line).rtrim() << "\n";
  }
  std::string last = tickText(lastStep);
  os << llvm::right_justify("step", margin - 2) << "  " << tickText(firstStep);
  int room = int(points.size()) - int(tickText(firstStep).size());
  os << llvm::right_justify(last, std::max<int>(room, last.size() + 1)) << "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// SVG
//===----------------------------------------------------------------------===//

static std::string escaped(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  llvm::printHTMLEscaped(text, os);
  return result;
}

std::string svgCurve(llvm::ArrayRef<Record> history, StringRef title) {
  constexpr double width = 720, height = 400;
  constexpr double left = 64, right = 16, top = 40, bottom = 48;
  std::vector<Point> training = thinned(lossesOf(history, false), 600);
  std::vector<Point> evaluations = lossesOf(history, true);
  double lastStep = 1, low = 0, high = 1;
  bool any = false;
  for (const std::vector<Point> *points : {&training, &evaluations})
    for (const Point &point : *points) {
      lastStep = std::max(lastStep, point.x);
      low = any ? std::min(low, point.y) : point.y;
      high = any ? std::max(high, point.y) : point.y;
      any = true;
    }
  std::vector<double> xTicks = axisTicks(0, lastStep, 8),
                      yTicks = axisTicks(low, high, 7);
  auto x = [&](double step) {
    return left + step / xTicks.back() * (width - left - right);
  };
  auto y = [&](double loss) {
    return top + (yTicks.back() - loss) / (yTicks.back() - yTicks.front()) *
                     (height - top - bottom);
  };
  auto number = [](double value) { return llvm::format("%.1f", value); };

  std::string text;
  llvm::raw_string_ostream os(text);
  os << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << int(width)
     << " " << int(height) << "\" width=\"" << int(width) << "\" height=\""
     << int(height)
     << "\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n"
        "<style>\n"
        "svg { color-scheme: light dark; background: #ffffff }\n"
        "text { fill: #24292f }\n"
        ".grid { stroke: #d0d7de }\n"
        ".train { stroke: #0969da; fill: none; stroke-width: 1.5 }\n"
        ".valid { stroke: #cf222e; fill: none; stroke-width: 1.5 }\n"
        "circle.valid { fill: #cf222e }\n"
        "@media (prefers-color-scheme: dark) {\n"
        "  svg { background: #0d1117 }\n"
        "  text { fill: #e6edf3 }\n"
        "  .grid { stroke: #30363d }\n"
        "  .train { stroke: #58a6ff }\n"
        "  .valid { stroke: #ff7b72 }\n"
        "  circle.valid { fill: #ff7b72 }\n"
        "}\n"
        "</style>\n"
     << "<title>" << escaped(title) << "</title>\n"
     << "<text x=\"" << int(left) << "\" y=\"24\" font-size=\"14\">"
     << escaped(title) << "</text>\n";
  for (double tick : yTicks)
    os << "<line class=\"grid\" x1=\"" << int(left) << "\" x2=\""
       << int(width - right) << "\" y1=\"" << number(y(tick)) << "\" y2=\""
       << number(y(tick)) << "\"/>\n<text x=\"" << int(left - 8) << "\" y=\""
       << number(y(tick) + 4) << "\" text-anchor=\"end\">" << tickText(tick)
       << "</text>\n";
  for (double tick : xTicks)
    os << "<line class=\"grid\" x1=\"" << number(x(tick)) << "\" x2=\""
       << number(x(tick)) << "\" y1=\"" << int(height - bottom) << "\" y2=\""
       << int(height - bottom + 5) << "\"/>\n<text x=\"" << number(x(tick))
       << "\" y=\"" << int(height - bottom + 20) << "\" text-anchor=\"middle\">"
       << tickText(tick) << "</text>\n";
  os << "<text x=\"" << number((left + width - right) / 2) << "\" y=\""
     << int(height - 8) << "\" text-anchor=\"middle\">step</text>\n"
     << "<text transform=\"translate(16 " << number((top + height - bottom) / 2)
     << ") rotate(-90)\" text-anchor=\"middle\">loss</text>\n";
  auto line = [&](const std::vector<Point> &points, StringRef name) {
    if (points.empty())
      return;
    os << "<polyline class=\"" << name << "\" points=\"";
    for (auto [i, point] : llvm::enumerate(points))
      os << (i ? " " : "") << number(x(point.x)) << "," << number(y(point.y));
    os << "\"/>\n";
  };
  line(training, "train");
  line(evaluations, "valid");
  for (const Point &point : evaluations)
    os << "<circle class=\"valid\" r=\"2.5\" cx=\"" << number(x(point.x))
       << "\" cy=\"" << number(y(point.y)) << "\"/>\n";
  double at = width - right - 150;
  for (auto [name, words, shown] :
       {std::tuple("train", "training", !training.empty()),
        std::tuple("valid", "evaluation", !evaluations.empty())}) {
    if (!shown)
      continue;
    os << "<line class=\"" << name << "\" x1=\"" << int(at) << "\" x2=\""
       << int(at + 16) << "\" y1=\"20\" y2=\"20\"/>\n<text x=\"" << int(at + 20)
       << "\" y=\"24\">" << words << "</text>\n";
    at += 78;
  }
  os << "</svg>\n";
  return text;
}

} // namespace nacre::driver
