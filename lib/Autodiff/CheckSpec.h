//===- CheckSpec.h - whether the settings of training make sense -*- C++
//-*-===//
#ifndef NACRE_LIB_AUTODIFF_CHECKSPEC_H
#define NACRE_LIB_AUTODIFF_CHECKSPEC_H

#include "nacre/Autodiff/Training.h"

namespace nacre::autodiff {

/// One line for each setting that makes no sense: what it is and what it must
/// be.
llvm::Error checkSpec(const TrainingSpec &spec);

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_CHECKSPEC_H
