// What a dead letter says of its deaths (features.md W53): x-death, an array of tables, the latest first, one for each
// (queue, reason); x-first-death-* and x-last-death-*. The headers are the only record: a message that a client
// publishes with an x-death of its own goes on counting from there, as in RabbitMQ 3.13.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "model/message.hpp"

namespace broker::queueing {

enum class dead_letter_reason : uint8_t { rejected, expired, maxlen, delivery_limit };
std::string_view name_of(dead_letter_reason why) noexcept;

struct death {
  std::string_view queue;
  dead_letter_reason why = dead_letter_reason::rejected;
  uint64_t time_s = 0; ///< since 1970
};

/// The properties (flags and values) of a message with `what` added to its headers and without its expiration: it would
/// expire in the next queue, too. `as_published`: the message as this queue has it. `keeps_copies`: its CC and BCC
/// headers stay. Bytes to bytes: no value of a header is built.
void append_death(byte_buffer& out, const death& what, const message& as_published, bool keeps_copies);

/// True when a message with these properties (its latest death recorded) has died in `queue` before and since then
/// nobody has rejected it: a cycle that no client takes part in, which would turn for ever.
bool is_death_cycle(std::string_view property_bytes, std::string_view queue);

} // namespace broker::queueing
