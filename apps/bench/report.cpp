#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace broker::bench {
namespace {

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", c);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// Rates need no decimals, small figures do.
std::string number_text(double number) {
  std::array<char, 40> out;
  if (!std::isfinite(number))
    return "null";
  std::snprintf(out.data(), out.size(), std::fabs(number) >= 1000 ? "%.0f" : "%.4g", number);
  return out.data();
}

} // namespace

void report::add_latency(std::string_view prefix, const histogram& latency) {
  if (latency.count() == 0)
    return;
  const std::string name{prefix};
  const auto microseconds = [](uint64_t ns) { return static_cast<double>(ns) / 1000; };
  add(name + "_p50_us", microseconds(latency.quantile(0.5)));
  add(name + "_p99_us", microseconds(latency.quantile(0.99)));
  add(name + "_p999_us", microseconds(latency.quantile(0.999)));
  add(name + "_max_us", microseconds(latency.max()));
}

std::string report::text() const {
  std::string out;
  for (const auto& [name, held] : values_) {
    std::string line = name;
    line.resize(std::max<size_t>(line.size() + 1, 28), ' ');
    if (const auto* text = std::get_if<std::string>(&held))
      line += *text;
    else if (const auto* number = std::get_if<double>(&held))
      line += number_text(*number);
    else
      line += std::to_string(std::get<uint64_t>(held));
    out += line + "\n";
  }
  return out;
}

std::string report::json() const {
  std::string out = "{";
  for (const auto& [name, held] : values_) {
    out += out.size() == 1 ? "" : ", ";
    out += json_text(name) + ": ";
    if (const auto* text = std::get_if<std::string>(&held))
      out += json_text(*text);
    else if (const auto* number = std::get_if<double>(&held))
      out += number_text(*number);
    else
      out += std::to_string(std::get<uint64_t>(held));
  }
  return out + "}\n";
}

} // namespace broker::bench
