// The quick look and the full decoder accept the same content headers and see the same in them.
#include <cstddef>
#include <cstdint>

#include "amqp/properties.hpp"

using namespace broker;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto peek = amqp::peek_properties(bytes);
  const auto decoded = amqp::decode_properties(bytes);
  BROKER_ASSERT(peek.ok == decoded.ok(), "both accept the same");
  if (!peek.ok)
    return 0;
  BROKER_ASSERT(peek.persistent == (decoded->delivery_mode == 2), "persistent");
  BROKER_ASSERT(peek.has_headers == decoded->headers.has_value(), "headers");
  BROKER_ASSERT(peek.has_user_id == decoded->user_id.has_value(), "user-id");
  BROKER_ASSERT(peek.has_expiration == decoded->expiration.has_value(), "expiration");
  BROKER_ASSERT(peek.has_reply_to == decoded->reply_to.has_value(), "reply-to");
  byte_buffer header;
  amqp::encode_content_header(header, 1, 0, *decoded);
  return 0;
}
