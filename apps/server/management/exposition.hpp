// Writes Prometheus' text format 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace broker::management {

class exposition {
public:
  enum class type : uint8_t { counter, gauge, untyped };
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// `prefix` of every name: "rabbitmq_", "rabbitmq_detailed_".
  explicit exposition(std::string_view prefix) : prefix_(prefix) {}

  /// Samples that follow belong to it.
  void family(std::string_view name, type what, std::string_view help);
  void sample(uint64_t value, labels of = {}) { write(std::to_string(value), of); }
  void sample(double value, labels of = {});
  /// A family of one sample.
  template<class Value>
  void one(std::string_view name, type what, std::string_view help, Value value, labels of = {}) {
    family(name, what, help);
    sample(value, of);
  }
  std::string take() { return std::move(out_); }

private:
  void write(std::string_view value, labels of);

  const std::string prefix_;
  std::string name_;
  std::string out_;
};

} // namespace broker::management
