// One run of the tool: parse, check, print the banner, ask the node, print the answer, return the exit code.
#pragma once

#include <cstdio>
#include <functional>
#include <span>
#include <string>

namespace broker::ctl {

/// Where a run reads and writes; tests give their own.
struct terminal {
  std::function<void(const std::string&)> out;
  std::function<void(const std::string&)> err;
  /// One line without its end, "" at the end of input; what is typed is not shown.
  std::function<std::string()> read_secret;
  /// Everything from standard input, at most one byte more than a request may bring.
  std::function<std::string()> read_input = [] { return std::string{}; };
};

/// features.md O12.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int usage = 64;
inline constexpr int data = 65;
inline constexpr int no_user = 67;
inline constexpr int unavailable = 69;
inline constexpr int software = 70;
inline constexpr int temporary = 75;
inline constexpr int config = 78;
} // namespace exit_code

int run(const char* program, std::span<const char* const> arguments, const terminal& console);

} // namespace broker::ctl
