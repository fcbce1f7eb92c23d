// Makes the runtime's calls of libc fail on demand, and counts what it holds.
// The linker sends the calls here (--wrap, see runtime.cmake).
#ifndef NACRE_TEST_UNIT_RUNTIME_FAULTS_H
#define NACRE_TEST_UNIT_RUNTIME_FAULTS_H

#include <atomic>

namespace faults {
// The allocation and the system call that fail next, counted from 0; negative
// for none. `error` is the errno of the system call.
extern std::atomic<long> failAllocation, failCall;
extern std::atomic<int> error;
// Allocations made since the program began, blocks and descriptors held now.
extern std::atomic<long> allocations, blocks, descriptors;
// When set, reads and writes move one byte at a time and every second one is
// interrupted first.
extern std::atomic<bool> trickle;
// Resets the switches, not the counters.
void none();
} // namespace faults

#endif
