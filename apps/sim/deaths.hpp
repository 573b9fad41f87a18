// What a delivered message says about the queues it died in: the headers x-death, x-first-death-* and x-last-death-*
// (features.md W52, W53), as a client reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "amqp/properties.hpp"

namespace broker::sim {

/// One entry of x-death.
struct death_seen {
  std::string queue;
  std::string reason;
  uint64_t count = 0;
  uint64_t time_s = 0;
  std::optional<std::string> original_expiration;
};

struct deaths_seen {
  std::vector<death_seen> all; ///< the latest first
  uint64_t total = 0;          ///< the sum of the counts: tells one visit of a queue from the next
};

/// Empty when the message has never died. What does not fit together is said in `problem`.
deaths_seen read_deaths(const amqp::properties& properties, std::string& problem);

} // namespace broker::sim
