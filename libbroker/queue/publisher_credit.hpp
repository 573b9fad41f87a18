// What the queue owes publishers: confirms, once the promise of guarantees.md G1 holds, and the release of each batch,
// which gives its bytes back to the session that read it (architecture.md D13, hotpath.md rule 4).
#pragma once

#include <cstdint>
#include <vector>

#include "channel/protocol.hpp"
#include "queue/outbox.hpp"

namespace broker::queueing {

/// Confirms that wait for the disk.
class confirm_list {
public:
  /// Publishes `numbers` of `channel` are safe when the store is durable up to `upto`; rising over calls.
  void add(seqno upto, const channel_ref& channel, seq_range numbers);
  void durable(seqno upto, outbox& out);
  bool empty() const noexcept { return waiting_.empty(); }
  uint64_t messages() const noexcept; ///< costs time linear in the entries

private:
  struct entry {
    seqno upto;
    channel_ref channel;
    seq_range numbers;
  };
  std::vector<entry> waiting_;
};

/// Batches that the queue holds: released once each, when the store has what it was given of them and nothing asks to
/// slow publishers down.
class hold_list {
public:
  /// The queue's hold on `batch`; `durable`, `paged`: what the store must have answered first, 0 = nothing.
  void add(batch_ref batch, seqno durable, seqno paged, bool withhold);
  void durable(seqno upto, bool withhold);
  void paged(seqno upto, bool withhold);
  /// Nothing asks to slow down any more.
  void release_withheld();
  void release_all();

  bool any_withheld() const noexcept { return !withheld_.empty(); }
  bool empty() const noexcept { return disk_.empty() && backlog_.empty() && withheld_.empty(); }

private:
  struct entry {
    batch_ref batch;
    seqno durable;
    seqno paged;
  };
  void next(entry held, bool withhold);
  void advance(std::vector<entry>& waiting, seqno entry::*until, seqno upto, bool withhold);

  std::vector<entry> disk_;    ///< sorted by `durable`
  std::vector<entry> backlog_; ///< sorted by `paged`
  std::vector<batch_ref> withheld_;
  seqno durable_ = 0;
  seqno paged_ = 0;
};

} // namespace broker::queueing
