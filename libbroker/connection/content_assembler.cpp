#include <algorithm>
#include <cstring>
#include <utility>

#include "amqp/reply.hpp"
#include "base/limits.hpp"
#include "connection/content.hpp"

namespace broker {

namespace {

/// A block grows by this factor, so that all its copies together are a third of the content.
constexpr size_t growth = 4;

} // namespace

void content_assembler::begin(const publish_arguments& arguments) {
  BROKER_ASSERT(!busy(), "one content at a time");
  state_ = state::header;
  names_ = arguments.names;
  names_size_ = static_cast<uint16_t>(names_.size());
  flags_ = arguments.flags;
}

uint64_t content_assembler::announced_body(std::string_view payload) noexcept {
  return payload.size() < amqp::content_header_bytes ? 0 : load_u64(payload.data() + 4);
}

result<bool> content_assembler::frame(amqp::frame_prefix prefix, std::string_view payload, size_t frame_max,
                                      size_t budget) {
  BROKER_ASSERT(busy(), "frames of content follow basic.publish");
  if (state_ == state::header)
    return header(prefix, payload, frame_max, budget);
  if (prefix.type != amqp::frame_body)
    return amqp::unexpected_frame("expected content body, got non content body frame instead");
  return body(payload, budget);
}

result<bool> content_assembler::header(amqp::frame_prefix prefix, std::string_view payload, size_t frame_max,
                                       size_t budget) {
  const std::string expected = "expected content header for class " + std::to_string(amqp::basic_class_id);
  if (prefix.type != amqp::frame_header)
    return amqp::unexpected_frame(expected + ", got non content header frame instead");
  if (payload.size() < amqp::content_header_bytes)
    return amqp::frame_error("cannot decode content header " + amqp::show_octets(payload));
  const uint16_t class_id = load_u16(payload.data());
  const uint16_t weight = load_u16(payload.data() + 2);
  if (class_id != amqp::basic_class_id || weight != 0)
    return amqp::unexpected_frame(expected + ", got one for class " + std::to_string(class_id) + " instead");
  auto flags = content_flags(payload.substr(amqp::content_header_bytes));
  if (!flags)
    return flags.error();

  flags_ = static_cast<uint16_t>(flags_ | *flags);
  channel_ = prefix.channel;
  body_size_ = body_left_ = announced_body(payload);
  BROKER_ASSERT(body_size_ <= limits::message_hard_max_bytes, "larger messages are refused before");
  frame_payload_max_ = frame_max - amqp::frame_overhead_bytes;
  header_size_ = static_cast<uint32_t>(prefix.frame_size());
  const size_t body_frames = static_cast<size_t>((body_size_ + frame_payload_max_ - 1) / frame_payload_max_);
  size_max_ = names_.size() + header_size_ + static_cast<size_t>(body_size_) + body_frames * amqp::frame_overhead_bytes;
  if (!make_room(names_.size() + header_size_, budget))
    return amqp::resource_error("too much unfinished content on this connection");

  char* at = block_->data();
  std::memcpy(at, names_.data(), names_.size());
  at += names_.size();
  amqp::store_frame_prefix(at, prefix);
  std::memcpy(at + amqp::frame_prefix_bytes, payload.data(), payload.size());
  at[header_size_ - 1] = amqp::frame_end;
  size_ = names_.size() + header_size_;
  state_ = state::body;
  return body_left_ == 0;
}

result<bool> content_assembler::body(std::string_view payload, size_t budget) {
  if (payload.size() > body_left_)
    return amqp::unexpected_frame("expected content body of " + std::to_string(body_left_) + " octets at most, got "
                                  + std::to_string(payload.size()));
  if (!make_room(payload.size() + (payload.size() / frame_payload_max_ + 2) * amqp::frame_overhead_bytes, budget))
    return amqp::resource_error("too much unfinished content on this connection");
  body_left_ -= payload.size();
  while (!payload.empty()) {
    if (frame_left_ == 0)
      open_body_frame();
    const size_t part = std::min(frame_left_, payload.size());
    std::memcpy(block_->data() + size_, payload.data(), part);
    size_ += part;
    frame_left_ -= part;
    if (frame_left_ == 0)
      block_->data()[size_++] = amqp::frame_end;
    payload.remove_prefix(part);
  }
  return body_left_ == 0;
}

void content_assembler::open_body_frame() {
  // Every frame but the last is full, whatever the sizes of the frames that came.
  const size_t written = size_ - names_size_ - header_size_;
  const uint64_t written_body =
    written - written / (frame_payload_max_ + amqp::frame_overhead_bytes) * amqp::frame_overhead_bytes;
  frame_left_ = static_cast<size_t>(std::min<uint64_t>(frame_payload_max_, body_size_ - written_body));
  amqp::store_frame_prefix(block_->data() + size_, {amqp::frame_body, channel_, static_cast<uint32_t>(frame_left_)});
  size_ += amqp::frame_prefix_bytes;
}

bool content_assembler::make_room(size_t count, size_t budget) {
  const size_t needed = std::min(size_ + count, size_max_);
  const size_t capacity = memory();
  if (needed <= capacity)
    return true;
  const size_t wanted = std::max({needed, limits::unfinished_content_first_bytes, capacity * growth});
  const size_t next = std::min(wanted, size_max_);
  if (next - capacity > budget)
    return false;
  block_ref larger{block::create(next)};
  if (size_ > 0)
    std::memcpy(larger->data(), block_->data(), size_);
  block_ = std::move(larger);
  return true;
}

message content_assembler::finish(block_ref& keeps) {
  BROKER_ASSERT(state_ == state::body && body_left_ == 0 && size_ == size_max_, "only complete content is taken");
  message out{};
  out.names = block_->data();
  out.names_size = names_size_;
  out.raw = out.names + names_size_;
  out.raw_size = static_cast<uint32_t>(size_ - names_size_);
  out.body_size = static_cast<uint32_t>(body_size_);
  out.header_size = header_size_;
  out.flags = flags_;
  keeps = std::move(block_);
  abandon();
  return out;
}

void content_assembler::abandon() {
  state_ = state::idle;
  block_ = nullptr;
  size_ = size_max_ = frame_left_ = 0;
  body_size_ = body_left_ = 0;
  names_ = {};
}

} // namespace broker
