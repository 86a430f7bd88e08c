#ifndef JSD_CORE_CHECK_H_
#define JSD_CORE_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the process where the program itself is wrong. Trouble that input, network or scripts can cause is a value.
#define JSD_CHECK(condition)                                                             \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // JSD_CORE_CHECK_H_
