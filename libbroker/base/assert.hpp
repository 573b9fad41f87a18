// Invariants are checked in every build: a broker that has lost its bearings must stop, not guess.
#pragma once

#include <string_view>

namespace broker::detail {
/// Prints the condition and its place to stderr and aborts. Never returns.
[[noreturn]] void assert_failed(std::string_view condition, std::string_view message, const char* file, unsigned line,
                                const char* function);
} // namespace broker::detail

/// Aborts the node when `condition` is false. Use it for what must hold, never for bad input.
/// (The builtins rather than std::source_location, which clang 14 does not find in libstdc++ 12.)
#define BROKER_ASSERT(condition, message)                                                                              \
  ((condition)                                                                                                         \
     ? static_cast<void>(0)                                                                                            \
     : ::broker::detail::assert_failed(#condition, message, __builtin_FILE(), __builtin_LINE(), __builtin_FUNCTION()))
