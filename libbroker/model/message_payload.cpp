#include "model/message_payload.hpp"

#include <cstring>

#include "amqp/frame.hpp"
#include "amqp/properties.hpp"
#include "base/bytes.hpp"
#include "model/message_copy.hpp"

namespace broker {

void store_message_head(char* at, const message_head& head) noexcept {
  store_u16(at, head.names_size);
  store_u16(at + 2, head.flags);
  store_u32(at + 4, head.raw_size);
  store_u32(at + 8, head.body_size);
  store_u32(at + 12, head.header_size);
}

message_head load_message_head(const char* at) noexcept {
  return {load_u16(at), load_u16(at + 2), load_u32(at + 4), load_u32(at + 8), load_u32(at + 12)};
}

bool same_names(const message& a, const message& b) noexcept {
  return a.names_size == b.names_size && (a.names == b.names || std::memcmp(a.names, b.names, a.names_size) == 0);
}

payload_shape measure_payload(const publish_batch& batch, slice where, uint64_t max_bytes) {
  payload_shape total;
  for (uint32_t i = where.lo; i < where.hi; ++i) {
    const message& each = batch.messages[i];
    const bool repeated = i > where.lo && same_names(each, batch.messages[i - 1]);
    const uint64_t bytes = message_head_bytes + each.raw_size + (repeated ? 0 : each.names_size);
    if (total.count > 0 && total.bytes + bytes > max_bytes)
      break;
    total.bytes += bytes;
    total.body_bytes += each.body_size;
    ++total.count;
  }
  return total;
}

void store_message_heads(char* at, const publish_batch& batch, slice where) noexcept {
  for (uint32_t i = where.lo; i < where.hi; ++i, at += message_head_bytes) {
    const message& each = batch.messages[i];
    const bool repeated = i > where.lo && same_names(each, batch.messages[i - 1]);
    store_message_head(at, {repeated ? message_head::same_names : each.names_size, each.flags, each.raw_size,
                            each.body_size, each.header_size});
  }
}

void append_payload(std::string& to, const publish_batch& batch, std::span<const slice> parts) {
  for (const slice& part : parts) {
    const size_t at = to.size();
    to.resize(at + size_t{part.size()} * message_head_bytes);
    store_message_heads(to.data() + at, batch, part);
  }
  for (const slice& part : parts)
    for (uint32_t i = part.lo; i < part.hi; ++i) {
      const message& each = batch.messages[i];
      if (i == part.lo || !same_names(each, batch.messages[i - 1]))
        to.append(each.names, each.names_size);
      to.append(each.raw, each.raw_size);
    }
}

bool well_formed(const message& candidate) noexcept {
  if (candidate.names_size < 2 || candidate.header_size > candidate.raw_size || candidate.body_size > candidate.raw_size
      || candidate.header_size < 7 + 12 + 1)
    return false;
  const size_t exchange = static_cast<uint8_t>(candidate.names[0]);
  if (1 + exchange >= candidate.names_size)
    return false;
  const size_t key = static_cast<uint8_t>(candidate.names[1 + exchange]);
  return 2 + exchange + key == candidate.names_size;
}

bool parse_messages(std::string_view payload, uint32_t count, std::vector<message>& into) {
  if (payload.size() / message_head_bytes < count)
    return false;
  const char* heads = payload.data();
  std::string_view data = payload.substr(size_t{count} * message_head_bytes);
  std::string_view names;
  into.reserve(into.size() + count);
  for (uint32_t i = 0; i < count; ++i) {
    const message_head head = load_message_head(heads + size_t{i} * message_head_bytes);
    if (head.names_size != message_head::same_names) {
      if (data.size() < head.names_size)
        return false;
      names = data.substr(0, head.names_size);
      data.remove_prefix(head.names_size);
    }
    if (data.size() < head.raw_size)
      return false;
    const message parsed{names.data(),   data.data(),      head.raw_size,
                         head.body_size, head.header_size, static_cast<uint16_t>(names.size()),
                         head.flags};
    if (!well_formed(parsed))
      return false;
    data.remove_prefix(head.raw_size);
    into.push_back(parsed);
  }
  return data.empty();
}

namespace {

/// One whole frame of this type at the front of `bytes`; its payload's size, or nothing.
bool whole_frame(std::string_view bytes, amqp::frame_type type, size_t& payload) noexcept {
  if (bytes.size() < amqp::frame_overhead_bytes)
    return false;
  const amqp::frame_prefix prefix = amqp::load_frame_prefix(bytes.data());
  if (prefix.type != type || prefix.frame_size() > bytes.size())
    return false;
  payload = prefix.payload_size;
  return bytes[static_cast<size_t>(prefix.frame_size()) - 1] == amqp::frame_end;
}

} // namespace

bool check_content(message& candidate) noexcept {
  std::string_view rest{candidate.raw, candidate.raw_size};
  size_t payload = 0;
  if (!whole_frame(rest, amqp::frame_header, payload) || payload + amqp::frame_overhead_bytes != candidate.header_size
      || payload < amqp::content_header_bytes + 2)
    return false;
  const char* header = rest.data() + amqp::frame_prefix_bytes;
  if (load_u32(header) != uint32_t{amqp::basic_class_id} << 16 || load_u64(header + 4) != candidate.body_size)
    return false;
  rest.remove_prefix(candidate.header_size);
  uint64_t body = 0;
  for (; !rest.empty(); rest.remove_prefix(payload + amqp::frame_overhead_bytes)) {
    if (!whole_frame(rest, amqp::frame_body, payload))
      return false;
    body += payload;
  }
  const amqp::header_peek peek = amqp::peek_properties(candidate.property_bytes());
  if (body != candidate.body_size || !peek.ok)
    return false;
  candidate.flags = static_cast<uint16_t>((candidate.flags & message::mandatory) | flags_of(peek));
  return true;
}

} // namespace broker
