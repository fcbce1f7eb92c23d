//===- Curve.h - the loss over the steps, drawn -----------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_CURVE_H
#define NACRE_LIB_DRIVER_TRAIN_CURVE_H

#include "History.h"

namespace nacre::driver {

/// The loss of training as lines of characters, `width` columns wide; `blocks`
/// draws with eighths of a block (Unicode), else with '#'. Empty when there is
/// nothing to draw.
std::string textCurve(llvm::ArrayRef<Record> history, int width, bool blocks);

/// The losses of training and of evaluations as an SVG picture with axes. Its
/// colours follow the reader's choice of light or dark.
std::string svgCurve(llvm::ArrayRef<Record> history, llvm::StringRef title);

/// Round numbers, at most `most` of them, from at or below `low` to at or above
/// `high`: steps of 1, 2 or 5 times a power of ten.
std::vector<double> axisTicks(double low, double high, int most);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_CURVE_H
