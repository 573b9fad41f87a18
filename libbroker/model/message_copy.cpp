#include "model/message_copy.hpp"

#include <cstring>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/limits.hpp"

namespace broker {
namespace {

std::string_view cut_name(std::string_view name) {
  return name.substr(0, limits::name_max_bytes);
}

batch_ref batch_of(std::string_view exchange, std::string_view routing_key, uint16_t flags,
                   const amqp::properties& properties, std::string_view body_frames, uint32_t body_size) {
  byte_buffer header;
  amqp::encode_content_header(header, 0, body_size, properties);
  auto made = make_ref<publish_batch>();
  append_message(*made, {exchange, routing_key, flags, header.view(), body_frames, body_size});
  return made;
}

} // namespace

uint16_t flags_of(const amqp::properties& properties) {
  unsigned flags = 0;
  if (properties.delivery_mode == uint8_t{2})
    flags |= message::persistent;
  if (properties.headers)
    flags |= message::has_headers;
  if (properties.user_id)
    flags |= message::has_user_id;
  if (properties.expiration)
    flags |= message::has_expiration;
  if (properties.reply_to)
    flags |= message::has_reply_to;
  return static_cast<uint16_t>(flags);
}

std::string_view body_frames_of(const message& what) {
  return {what.raw + what.header_size, what.raw_size - what.header_size};
}

void append_message(publish_batch& batch, const message_parts& parts) {
  BROKER_ASSERT(parts.exchange.size() <= limits::name_max_bytes && parts.routing_key.size() <= limits::name_max_bytes,
                "a name is a shortstr");
  const std::string_view header = parts.header_frame;
  const size_t names_size = 2 + parts.exchange.size() + parts.routing_key.size();
  block_ref bytes{block::create(names_size + header.size() + parts.body_frames.size())};
  char* at = bytes->data();
  const auto put = [&at](std::string_view part) {
    if (!part.empty())
      std::memcpy(at, part.data(), part.size());
    at += part.size();
  };
  message made{};
  made.names = at;
  made.names_size = static_cast<uint16_t>(names_size);
  for (const std::string_view name : {parts.exchange, parts.routing_key}) {
    *at++ = static_cast<char>(name.size());
    put(name);
  }
  made.raw = at;
  put(header);
  put(parts.body_frames);
  made.raw_size = static_cast<uint32_t>(header.size() + parts.body_frames.size());
  made.header_size = static_cast<uint32_t>(header.size());
  made.body_size = parts.body_size;
  made.flags = parts.flags;
  batch.messages.push_back(made);
  batch.bytes += made.raw_size + limits::publish_overhead_bytes;
  batch.blocks.push_back(std::move(bytes));
}

batch_ref copy_with_properties(const message& old, const amqp::properties& properties) {
  return batch_of(old.exchange(), old.routing_key(), old.flags, properties, body_frames_of(old), old.body_size);
}

batch_ref copy_message(const message& old, std::string_view exchange, std::string_view routing_key,
                       const amqp::properties& properties) {
  return batch_of(cut_name(exchange), cut_name(routing_key), flags_of(properties), properties, body_frames_of(old),
                  old.body_size);
}

batch_ref bare_message(std::string_view exchange, std::string_view routing_key) {
  const amqp::properties none;
  return batch_of(cut_name(exchange), cut_name(routing_key), 0, none, {}, 0);
}

} // namespace broker
