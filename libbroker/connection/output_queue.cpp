#include "connection/output_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"
#include "base/limits.hpp"

namespace broker {

namespace {

size_t backlog_cost(const outgoing& item) {
  if (item.what == outgoing::kind::deliver)
    return 0;
  const size_t content = item.run.batch ? item.run.batch->messages[item.run.where.lo].raw_size : 0;
  return item.bytes.size() + content;
}

/// Writes the channel number into every frame of [at, end).
void patch_channel(char* at, const char* end, channel_number channel) {
  while (at < end) {
    store_u16(at + 1, channel);
    at += amqp::load_frame_prefix(at).frame_size();
  }
}

} // namespace

void output_queue::push(outgoing item) {
  if (item.what == outgoing::kind::deliver && item.run.where.size() == 0)
    return;
  backlog_ += backlog_cost(item);
  pending_.push_back(std::move(item));
}

void output_queue::push_bytes(std::string_view frames) {
  outgoing item;
  item.what = outgoing::kind::bytes;
  item.bytes = frames;
  push(std::move(item));
}

std::string_view output_queue::chunk() {
  if (written_ == buffer_.size() && !pending_.empty())
    encode_chunk();
  return buffer_.view().substr(written_);
}

void output_queue::encode_chunk() {
  buffer_.clear();
  written_ = 0;
  while (!pending_.empty() && buffer_.size() < limits::write_chunk_bytes)
    if (encode(pending_.front()))
      retire_head();
}

void output_queue::retire_head() {
  backlog_ -= backlog_cost(pending_.front());
  pending_.pop_front();
}

/// True when the item is encoded to its end; false when the chunk is full before.
bool output_queue::encode(outgoing& item) {
  switch (item.what) {
  case outgoing::kind::deliver:
    return encode_deliveries(item);
  case outgoing::kind::content:
    if (!cursor_.begun) {
      buffer_.put(item.bytes);
      cursor_.begun = true;
    }
    return encode_message(item.channel, item.run.batch->messages[item.run.where.lo]);
  default:
    buffer_.put(item.bytes);
    return true;
  }
}

bool output_queue::encode_deliveries(outgoing& item) {
  const uint32_t had = item.run.where.size();
  const std::vector<message>& messages = item.run.batch->messages;
  while (item.run.where.lo != item.run.where.hi) {
    if (buffer_.size() >= limits::write_chunk_bytes)
      break;
    const message& what = messages[item.run.where.lo];
    if (!cursor_.begun) {
      put_deliver(item, what);
      cursor_.begun = true;
    }
    if (!encode_message(item.channel, what))
      break;
    ++item.run.where.lo;
    ++item.first_tag;
  }
  charge(item, had);
  return item.run.where.lo == item.run.where.hi;
}

/// Takes the share of the messages encoded just now out of the item's flow_bytes; the last message takes what is left.
void output_queue::charge(outgoing& item, uint32_t had) {
  const uint32_t left = item.run.where.size();
  if (left == had)
    return;
  const size_t part = left == 0 ? item.flow_bytes : item.flow_bytes * (had - left) / had;
  item.flow_bytes -= part;
  if (!in_chunk_.empty() && in_chunk_.back().who == item.who)
    in_chunk_.back().bytes += part;
  else
    in_chunk_.push_back({item.who, part});
}

void output_queue::put_deliver(const outgoing& item, const message& what) {
  const std::string& tag = item.who->tag;
  const size_t payload = amqp::method_id_bytes + 1 + tag.size() + 8 + 1 + what.names_size;
  char* at = buffer_.grow(payload + amqp::frame_overhead_bytes);
  amqp::store_frame_prefix(at, {amqp::frame_method, item.channel, static_cast<uint32_t>(payload)});
  at += amqp::frame_prefix_bytes;
  store_u32(at, amqp::basic_class::deliver::code);
  at += amqp::method_id_bytes;
  *at++ = static_cast<char>(tag.size());
  at = std::copy(tag.begin(), tag.end(), at);
  store_u64(at, item.first_tag);
  at[8] = item.redelivered ? 1 : 0;
  at += 9;
  std::memcpy(at, what.names, what.names_size);
  at[what.names_size] = amqp::frame_end;
}

/// True when the message is encoded to its end.
bool output_queue::encode_message(channel_number channel, const message& what) {
  if (what.raw_size <= std::min(frame_max_, limits::write_chunk_bytes)) {
    char* at = buffer_.grow(what.raw_size);
    std::memcpy(at, what.raw, what.raw_size);
    patch_channel(at, at + what.raw_size, channel);
    cursor_ = {};
    return true;
  }
  while (cursor_.raw < what.raw_size) {
    if (buffer_.size() >= limits::write_chunk_bytes)
      return false;
    encode_frame_part(channel, what);
  }
  cursor_ = {};
  return true;
}

/// The frame at the cursor, or of a body frame as much as the client takes in one.
void output_queue::encode_frame_part(channel_number channel, const message& what) {
  const char* source = what.raw + cursor_.raw;
  const amqp::frame_prefix prefix = amqp::load_frame_prefix(source);
  const size_t payload_max = frame_max_ - amqp::frame_overhead_bytes;
  size_t part = prefix.payload_size - cursor_.frame;
  if (prefix.type == amqp::frame_body) // a content header cannot be cut (section 4.2.6.1)
    part = std::min(part, payload_max);
  char* at = buffer_.grow(part + amqp::frame_overhead_bytes);
  amqp::store_frame_prefix(at, {prefix.type, channel, static_cast<uint32_t>(part)});
  std::memcpy(at + amqp::frame_prefix_bytes, source + amqp::frame_prefix_bytes + cursor_.frame, part);
  at[amqp::frame_prefix_bytes + part] = amqp::frame_end;
  cursor_.frame += part;
  if (cursor_.frame == prefix.payload_size) {
    cursor_.raw += static_cast<size_t>(prefix.frame_size());
    cursor_.frame = 0;
  }
}

void output_queue::wrote(size_t count, std::vector<consumer_ref>& writable) {
  BROKER_ASSERT(count <= buffer_.size() - written_, "more written than there was");
  written_ += count;
  if (written_ != buffer_.size())
    return;
  constexpr auto enough_room = static_cast<int64_t>(limits::consumer_flow_bytes / 2);
  for (const flow& entry : in_chunk_) {
    const auto bytes = static_cast<int64_t>(entry.bytes);
    const int64_t left = entry.who->unwritten_bytes.fetch_sub(bytes) - bytes;
    if (left < enough_room && entry.who->starved.load() && entry.who->starved.exchange(false))
      writable.push_back(entry.who);
  }
  in_chunk_.clear();
  buffer_.clear();
  written_ = 0;
}

void output_queue::drop_content() {
  const auto is_content = [](const outgoing& item) { return item.what != outgoing::kind::bytes; };
  pending_.erase(std::remove_if(pending_.begin(), pending_.end(), is_content), pending_.end());
  cursor_ = {};
  backlog_ = 0;
  for (const outgoing& item : pending_)
    backlog_ += backlog_cost(item);
}

void output_queue::release_if_empty() {
  if (empty())
    buffer_.release();
}

} // namespace broker
