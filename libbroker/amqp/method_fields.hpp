// What every method struct is made of: its code on the wire and the tags by which it names its fields.
#pragma once

#include <cstdint>

namespace broker::amqp {

/// class-id in the upper, method-id in the lower half: how a method is named on the wire.
constexpr uint32_t method_code(uint16_t class_id, uint16_t method_id) noexcept {
  return static_cast<uint32_t>(class_id) << 16 | method_id;
}

// How a field is written on the wire: tags passed to a visitor by `fields`.
struct as_u8 {};
struct as_u16 {};
struct as_u32 {};
struct as_u64 {};
struct as_bit {};
struct as_shortstr {};
struct as_longstr {};
struct as_table {};

} // namespace broker::amqp
