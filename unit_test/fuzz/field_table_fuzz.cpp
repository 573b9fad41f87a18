// A table is either refused or decoded, and what was decoded encodes to a table that means the same.
#include <cstddef>
#include <cstdint>

#include "amqp/field_table.hpp"

using namespace broker;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  auto table = amqp::decode_table(bytes);
  BROKER_ASSERT(table.ok() == amqp::validate_table(bytes).ok(), "validating and decoding agree");
  if (!table)
    return 0;
  byte_buffer once;
  amqp::encode_table(once, *table);
  auto again = amqp::decode_table(once.view());
  BROKER_ASSERT(again.ok(), "what we encode, we decode");
  byte_buffer twice; // compared as bytes, since a NaN is not equal to itself
  amqp::encode_table(twice, *again);
  BROKER_ASSERT(once.view() == twice.view(), "and it means the same");
  return 0;
}
