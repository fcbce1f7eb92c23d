//===- ThreadShares.cpp - which kernels several threads share -------------===//
//
// To hand out a kernel and to wait for its end costs about a microsecond, and
// what one thread has written another must fetch from its cache. So a kernel of
// a microsecond or two stays on the caller's thread. Where most kernels of a
// program are like that, the few others gain less than their neighbours lose,
// and all stay: measured on two cores, a network whose kernels take 4 us on
// average is slower with two threads than with one, and one of 10 us faster.
//
//===----------------------------------------------------------------------===//
#include "ThreadShares.h"
#include "Body.h"
#include "nacre/Schedule/KernelNest.h"

namespace nacre::codegen {
using namespace nacre::schedule;

double cyclesOf(lazy::KernelOp kernel) {
  // A contraction does three quarters of two multiply-adds a lane and cycle,
  // other kernels about one operation; 16 bytes come from the second cache.
  KernelWork work = workOf(kernel);
  int64_t lanes = ScheduleReader{*kernel.getSchedule()}.number("lanes", 1);
  double perCycle =
      double(std::max<int64_t>(lanes, 1)) * (contractionOf(kernel) ? 3 : 1);
  return double(work.flops) / perCycle + double(work.bytes) / 16;
}

void keepOnOneThread(llvm::MutableArrayRef<KernelCall> calls) {
  constexpr double worthAlone = 6000, worthOnAverage = 20000;
  double all = 0;
  for (const KernelCall &call : calls)
    all += call.cycles;
  double least = all < worthOnAverage * double(calls.size())
                     ? std::numeric_limits<double>::infinity()
                     : worthAlone;
  for (KernelCall &call : calls)
    if (call.cycles < least && call.taskSymbol < 0 && !call.slots)
      call.grain = std::max<int64_t>(call.tasks, 1);
}

} // namespace nacre::codegen
