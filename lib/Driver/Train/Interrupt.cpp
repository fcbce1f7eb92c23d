//===- Interrupt.cpp - being asked to stop --------------------------------===//

#include "Interrupt.h"
#include <csignal>

namespace nacre::driver {

static volatile std::sig_atomic_t noted = 0;

static constexpr int kinds[] = {SIGINT, SIGTERM};
static struct sigaction before[2];

static void note(int number) { noted = number; }

void noteInterrupts() {
  noted = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  // Reading and writing files goes on; the second signal is the usual one.
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  for (int i = 0; i < 2; ++i)
    ::sigaction(kinds[i], &action, &before[i]);
}

void leaveInterrupts() {
  for (int i = 0; i < 2; ++i)
    ::sigaction(kinds[i], &before[i], nullptr);
}

int interruptNoted() { return noted; }

} // namespace nacre::driver
