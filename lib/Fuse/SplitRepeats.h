//===- SplitRepeats.h - contractions that read what is repeated once ------===//
#ifndef NACRE_LIB_FUSE_SPLITREPEATS_H
#define NACRE_LIB_FUSE_SPLITREPEATS_H

#include "nacre/Lazy/Lazy.h"

namespace nacre::fuse {

/// Makes a contraction of `op`, which it takes, that has a dimension for the
/// repetitions within each axis of an operand that was expanded and merged, and
/// returns it; `op` where there is none.
lazy::ContractOp splitRepeats(lazy::ContractOp op);

} // namespace nacre::fuse

#endif // NACRE_LIB_FUSE_SPLITREPEATS_H
