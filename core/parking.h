#ifndef JSD_CORE_PARKING_H_
#define JSD_CORE_PARKING_H_

#include <pthread.h>

namespace jsd {

class Execution;

// Stops a thread that is lost (core/execution.h) and goes on computing, by a signal whose handler never returns. Only
// where it holds no lock that others wait for: in generated code none of C++ is held; in the program's own text,
// outside of the C library, at least none of the heap's and the streams' is.

// Before the first thread starts that may be parked. The signal is ParkSignal, which such threads must not block.
void InstallParking();
int ParkSignal();

// Sends the signal; whether it took effect is execution.parked(), soon. `anywhere`: in the program's text too.
void TryToPark(pthread_t thread, Execution& execution, bool anywhere);

}  // namespace jsd

#endif  // JSD_CORE_PARKING_H_
