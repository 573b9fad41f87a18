// Which queues exist, what they are bound to, and which messages must therefore arrive where.
//
//   exchange none    publisher p sends to queues p, p + P, … (P publishers) or to queue p mod Q, through the default
//   exchange exchange fanout  every message reaches all queues exchange topic   binding b is `topic.<b>.*` to queue b
//   mod Q; each publisher goes round all of them
//
// With hops, what is meant for a queue is published to its first hop.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "options.hpp"

namespace broker::bench {

/// One stream: where a publisher sends it and which queues must get it.
struct target {
  uint32_t stream;
  std::string exchange;
  std::string routing_key;
  std::vector<uint32_t> queues;
};

struct binding {
  uint32_t queue;
  std::string key;
};

/// A queue whose messages expire at once and go on to the next.
struct hop {
  std::string queue;
  std::string next;
};

struct topology {
  std::string exchange; // empty: the default exchange
  std::string exchange_type;
  std::vector<std::string> queues;
  std::vector<hop> hops; // on the way to the queues
  std::vector<binding> bindings;
  std::vector<std::vector<target>> publishers; // the targets each publisher goes round

  static topology of(const options& run);

  uint32_t streams() const;

  /// How many of a publisher's first `published` messages belong to each stream, over all publishers, by stream.
  std::vector<uint64_t> sent_by_stream(const std::vector<uint64_t>& published) const;

  /// Deliveries that `sent` must cause.
  uint64_t deliveries(const std::vector<uint64_t>& sent) const;
};

} // namespace broker::bench
