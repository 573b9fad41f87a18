// One encoding of messages for the journal and for the wire between nodes: a head per message, then for each message
// its names (unless they are its predecessor's) and its raw bytes. What is decoded points into the bytes it was decoded
// from. Numbers are big-endian. Pure functions over bytes; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/message.hpp"

namespace broker {

/// Per message, ahead of the data of all.
inline constexpr size_t message_head_bytes = 16;

/// Stored form of one message ahead of its bytes. `same_names`: the names are the previous message's.
struct message_head {
  static constexpr uint16_t same_names = 0xffff;
  uint16_t names_size = 0;
  uint16_t flags = 0;
  uint32_t raw_size = 0;
  uint32_t body_size = 0;
  uint32_t header_size = 0;
};
void store_message_head(char* at, const message_head& head) noexcept;
message_head load_message_head(const char* at) noexcept;

bool same_names(const message& a, const message& b) noexcept;

/// What the first messages of `batch[where]` take in a payload: as many as fit into `max_bytes`, at least one.
struct payload_shape {
  uint32_t count = 0;
  uint64_t bytes = 0;
  uint64_t body_bytes = 0;
};
payload_shape measure_payload(const publish_batch& batch, slice where, uint64_t max_bytes);
/// The heads of `batch[where]`: where.size() * message_head_bytes bytes.
void store_message_heads(char* at, const publish_batch& batch, slice where) noexcept;

/// Appends heads and data of `parts` of a batch, which make one payload.
void append_payload(std::string& to, const publish_batch& batch, std::span<const slice> parts);

/// True when names and raw have the shape `message` promises, so that its accessors stay inside.
bool well_formed(const message& candidate) noexcept;
/// Appends the messages of a payload to `into`, pointing into `payload`. False: not a valid payload (`into` may then
/// hold some of them). The frames inside the messages are not looked at.
bool parse_messages(std::string_view payload, uint32_t count, std::vector<message>& into);

/// For bytes that come from elsewhere: checks that the well-formed `candidate` is one content header frame of class
/// basic with decodable properties and then body frames that make up its body, and sets the flags that follow from the
/// properties. False: it is not.
bool check_content(message& candidate) noexcept;

} // namespace broker
