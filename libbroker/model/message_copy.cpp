#include "model/message_copy.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/limits.hpp"

namespace broker {
namespace {

/// `body`: whole frames, `body_size` bytes without their overhead.
batch_ref built(std::string_view names, uint16_t flags, const amqp::properties& properties, std::string_view body,
                uint32_t body_size) {
  byte_buffer header;
  amqp::encode_content_header(header, 0, body_size, properties); // the channel number is patched when it is delivered
  block_ref bytes{block::create(names.size() + header.size() + body.size())};
  char* raw = bytes->data() + names.size();
  std::memcpy(bytes->data(), names.data(), names.size());
  std::memcpy(raw, header.data(), header.size());
  if (!body.empty())
    std::memcpy(raw + header.size(), body.data(), body.size());

  message changed{};
  changed.body_size = body_size;
  changed.names = bytes->data();
  changed.names_size = static_cast<uint16_t>(names.size());
  changed.raw = raw;
  changed.header_size = static_cast<uint32_t>(header.size());
  changed.raw_size = static_cast<uint32_t>(header.size() + body.size());
  changed.flags = flags;
  auto copy = make_ref<publish_batch>();
  copy->messages.push_back(changed);
  copy->blocks.push_back(std::move(bytes));
  return copy;
}

std::string_view body_of(const message& what) {
  return {what.raw + what.header_size, what.raw_size - what.header_size};
}

void append_name(std::string& to, std::string_view name) {
  const std::string_view kept = name.substr(0, limits::name_max_bytes);
  to.push_back(static_cast<char>(kept.size()));
  to.append(kept);
}

std::string names_of(std::string_view exchange, std::string_view routing_key) {
  std::string names;
  append_name(names, exchange);
  append_name(names, routing_key);
  return names;
}

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

} // namespace

batch_ref copy_with_properties(const message& old, const amqp::properties& properties) {
  return built({old.names, old.names_size}, old.flags, properties, body_of(old), old.body_size);
}

batch_ref copy_message(const message& old, std::string_view exchange, std::string_view routing_key,
                       const amqp::properties& properties) {
  return built(names_of(exchange, routing_key), flags_of(properties), properties, body_of(old), old.body_size);
}

batch_ref bare_message(std::string_view exchange, std::string_view routing_key) {
  return built(names_of(exchange, routing_key), 0, {}, {}, 0);
}

} // namespace broker
