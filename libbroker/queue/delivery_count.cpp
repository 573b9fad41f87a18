#include "queue/delivery_count.hpp"

#include <cstring>
#include <utility>

#include "amqp/properties.hpp"
#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace broker::queueing {

namespace {

/// The content header of `from` with the count in its headers.
std::string_view counted_header(const message& from, uint32_t count, byte_buffer& scratch) {
  auto properties = amqp::decode_properties(from.property_bytes());
  BROKER_ASSERT(properties.ok(), "a message was accepted with malformed properties");
  if (!properties->headers)
    properties->headers.emplace();
  properties->headers->set("x-delivery-count", amqp::field_value{int64_t{count}});
  scratch.clear();
  amqp::encode_content_header(scratch, 0, from.body_size, *properties);
  return scratch.view();
}

/// A message for itself: its batch needs one block that is just large enough.
message rewritten(const message& from, uint32_t count, byte_buffer& scratch, publish_batch& batch) {
  const std::string_view header = counted_header(from, count, scratch);
  const size_t body = from.raw_size - from.header_size;
  block_ref bytes{block::create(header.size() + body + from.names_size)};
  char* at = bytes->data();
  message made = from;
  made.raw = at;
  std::memcpy(at, header.data(), header.size());
  std::memcpy(at + header.size(), from.raw + from.header_size, body);
  at += header.size() + body;
  std::memcpy(at, from.names, from.names_size);
  made.names = at;
  made.header_size = static_cast<uint32_t>(header.size());
  made.raw_size = static_cast<uint32_t>(header.size() + body);
  made.flags |= message::has_headers;
  batch.blocks.push_back(std::move(bytes));
  return made;
}

} // namespace

stored_run with_delivery_count(const stored_run& from, uint32_t count) {
  auto batch = make_ref<publish_batch>();
  batch->messages.reserve(from.where.size());
  byte_buffer scratch;
  for (uint32_t at = from.where.lo; at < from.where.hi; ++at)
    batch->messages.push_back(rewritten(from.batch->messages[at], count, scratch, *batch));
  return {std::move(batch), {0, from.where.size()}, from.first};
}

} // namespace broker::queueing
