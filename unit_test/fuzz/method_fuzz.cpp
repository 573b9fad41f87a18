// Arguments of any method are either refused with a hard error or decoded, and survive a round trip.
#include <cstddef>
#include <cstdint>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"
#include "amqp/reply.hpp"

using namespace broker;

namespace {

byte_buffer encoded(const amqp::method& what) {
  byte_buffer out;
  amqp::encode_method(out, 1, what);
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < amqp::method_id_bytes)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const uint32_t code = load_u32(bytes.data());
  auto method = amqp::decode_method(code, bytes.substr(amqp::method_id_bytes));
  if (!method) {
    BROKER_ASSERT(amqp::closes_connection(method.error().code), "undecodable methods are hard errors");
    return 0;
  }
  const byte_buffer once = encoded(*method);
  constexpr size_t before = amqp::frame_prefix_bytes + amqp::method_id_bytes;
  auto again = amqp::decode_method(code, once.view().substr(before, once.size() - before - 1));
  BROKER_ASSERT(again.ok(), "what we encode, we decode");
  BROKER_ASSERT(once.view() == encoded(*again).view(), "and it means the same");
  return 0;
}
