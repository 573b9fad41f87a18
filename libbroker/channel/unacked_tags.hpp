// Which message a delivery tag stands for until it is settled (features.md W64).
//
// Tags and sequence numbers of a delivered run rise together, so up to 64 of them are one block: where both begin, and
// a bit for each tag still held. An ack range clears bits: nothing is inserted or moved, whatever the order of acks.
// Blocks whose bits are all gone leave at the front, or when they are the majority.
#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "channel/protocol.hpp"

namespace broker {

/// Tags first + i and sequence numbers seq + i for every bit i of `held`.
struct unacked_block {
  static constexpr uint32_t capacity = 64;

  delivery_tag first = 0;
  seqno seq = 0;
  uint64_t held = 0;
  queue_id queue = 0;
  consumer_ref who;     ///< null: fetched with basic.get
  uint32_t used = 0;    ///< tags first .. first + used - 1 were given out from this block
  bool is_void = false; ///< delivered by a master that is none any more: settling it goes nowhere (Q11)

  /// The lowest tag held, of a block that holds one.
  delivery_tag lowest() const noexcept { return first + static_cast<delivery_tag>(std::countr_zero(held)); }
};

/// Not thread-safe. Binary search over blocks; a range costs its blocks.
class unacked_tags {
public:
  using blocks = std::vector<unacked_block>;

  /// Tags first .. first + count - 1, higher than any before, stand for messages seq .. of `queue`.
  void add(delivery_tag first, uint32_t count, seqno seq, queue_id queue, const consumer_ref& who);

  /// Moves the tags [first, last] to `taken`, one by one as separate acks would: stops at the first tag that is not
  /// held and returns it.
  std::optional<delivery_tag> take(delivery_tag first, delivery_tag last, blocks& taken);
  /// Moves everything up to `last` to `taken`; takes nothing and returns false if `last` itself is not held, as
  /// RabbitMQ.
  bool take_up_to(delivery_tag last, blocks& taken);
  void take_all(blocks& taken);
  /// Undoes takes (tx.rollback). Linear in what is held.
  void put_back(const blocks& taken);

  size_t size() const noexcept { return size_; }
  /// Calls visit(block) with each block that holds a tag, tags rising, until it returns false.
  template<class Visit>
  void for_each_block(Visit visit) const {
    for (const auto& block : blocks_)
      if (block.held != 0 && !visit(block))
        return;
  }
  /// What `queue` has delivered so far is settled here alone. Linear in what is held.
  void make_void(queue_id queue);
  /// Appends the queue of each held message; with repetitions.
  void append_queues(std::vector<queue_id>& to) const;

private:
  std::deque<unacked_block>::iterator find(delivery_tag tag);
  void move_bits(unacked_block& from, uint64_t bits, blocks& taken);
  void tidy();

  std::deque<unacked_block> blocks_; ///< rising by first
  size_t size_ = 0;
  size_t empty_ = 0; ///< blocks without a bit
};

/// Groups `taken` by queue and consumer into settle requests, sequence numbers rising; of one queue as RabbitMQ orders
/// them: what basic.get fetched, then by consumer tag. Rejected messages stay in the order of their tags, in which they
/// become dead letters: where that is not the order of their numbers, there are several requests. Void ones are left
/// out.
std::vector<std::pair<queue_id, settle_request>> settle_requests(const unacked_tags::blocks& taken,
                                                                 settle_request::kind what, const channel_ref& channel);
/// Messages in `taken` that count in a channel-wide prefetch window (not those of basic.get).
uint64_t windowed_messages(const unacked_tags::blocks& taken);

} // namespace broker
