#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace broker::detail {

void assert_failed(std::string_view condition, std::string_view message, const std::source_location& where) {
  std::fprintf(stderr, "%s:%u: %s: assertion failed: %.*s (%.*s)\n", where.file_name(), where.line(),
               where.function_name(), static_cast<int>(condition.size()), condition.data(),
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

} // namespace broker::detail
