// Random field values and methods for the codec's tests.
#pragma once

#include <string>

#include "amqp/method.hpp"
#include "amqp/properties.hpp"
#include "base/random.hpp"

namespace broker::testing {

inline std::string random_text(random_source& random, size_t size_max) {
  std::string text(random.below(size_max + 1), ' ');
  for (auto& octet : text)
    octet = static_cast<char>(' ' + random.below(95));
  return text;
}

inline std::string random_bytes(random_source& random, size_t size_max) {
  std::string bytes(random.below(size_max + 1), ' ');
  for (auto& octet : bytes)
    octet = static_cast<char>(random.below(256));
  return bytes;
}

amqp::field_value random_value(random_source& random, int depth);
amqp::field_table random_table(random_source& random, int depth = 0);
amqp::properties random_properties(random_source& random);

/// Visitor that fills every field of a method.
struct random_fields {
  random_source& random;

  void operator()(amqp::as_u8, uint8_t& field) { field = static_cast<uint8_t>(random.next()); }
  void operator()(amqp::as_u16, uint16_t& field) { field = static_cast<uint16_t>(random.next()); }
  void operator()(amqp::as_u32, uint32_t& field) { field = static_cast<uint32_t>(random.next()); }
  void operator()(amqp::as_u64, uint64_t& field) { field = random.next(); }
  void operator()(amqp::as_bit, bool& field) { field = random.chance(1, 2); }
  void operator()(amqp::as_shortstr, std::string& field) { field = random_text(random, 255); }
  void operator()(amqp::as_longstr, std::string& field) { field = random_bytes(random, 700); }
  void operator()(amqp::as_table, amqp::field_table& field) { field = random_table(random); }
};

} // namespace broker::testing
