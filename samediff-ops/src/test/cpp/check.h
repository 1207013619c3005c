// What the C++ tests check with: a failure prints the values and lets the test go on.
#pragma once

#include <cmath>
#include <cstdio>

namespace a4j_test {

inline int failures = 0;

// Prints the first failures only: a broken kernel has millions.
inline bool failed() { return ++failures <= 20; }

// Whether to try fewer cases: sanitized, each takes ten times as long, and what a sanitizer looks
// for does not depend on numbers.
constexpr bool brief() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

// The exit status of a test's main.
inline int result(const char* name) {
  std::printf("%s: %s\n", name, failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? 0 : 1;
}

}  // namespace a4j_test

// Fails unless `condition` holds; the rest is a printf format that says which case and values.
#define CHECK(condition, ...)                                     \
  do {                                                            \
    if (!(condition) && a4j_test::failed()) {                     \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
    }                                                             \
  } while (0)
