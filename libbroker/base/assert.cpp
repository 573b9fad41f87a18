#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace broker::detail {

/// Weak: a program that explores failures has one of its own that throws.
[[gnu::weak]] void assert_failed(std::string_view condition, std::string_view message, const char* file, unsigned line,
                                 const char* function) {
  std::fprintf(stderr, "%s:%u: %s: assertion failed: %.*s (%.*s)\n", file, line, function,
               static_cast<int>(condition.size()), condition.data(), static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

} // namespace broker::detail
