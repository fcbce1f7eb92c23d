//===- Interrupt.h - being asked to stop ------------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_INTERRUPT_H
#define NACRE_LIB_DRIVER_TRAIN_INTERRUPT_H

namespace nacre::driver {

/// From here on the first SIGINT or SIGTERM is only noted; a second one of its
/// kind ends the process at once.
void noteInterrupts();
/// Ends that.
void leaveInterrupts();

/// The signal that was noted, or 0.
int interruptNoted();

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_INTERRUPT_H
