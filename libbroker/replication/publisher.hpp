// A channel's end of replication, one per queue it publishes to: keeps what is not confirmed yet and sends it again,
// in order, to another master or after a gap (replication.md section 4, end; guarantees.md G2). The master recognises
// what its log already has. Bounded by the publisher's own credit (D13): each part that is kept holds its batch, so
// whoever ends a publisher gives up what it keeps.
#pragma once

#include <deque>
#include <string>

#include "replication/master.hpp"

namespace broker::replication {

class publisher {
public:
  explicit publisher(channel_id channel) : channel_(channel) {}

  /// A new publish: batch[where], numbered batch->first_confirm + index, behind everything added before.
  void add(const batch_ref& batch, slice where);
  /// The queue has a master of `mastership`. True if it is another one: everything unconfirmed goes there again.
  bool retarget(broker::epoch mastership);
  /// Something to send?
  bool wants_send() const noexcept { return cursor_ < unconfirmed_.size(); }
  /// The next publishes for the master, of one batch.
  publish_order next();
  /// publish_gap: the master misses something before the last order; or the connection to its node was lost and is
  /// back, and with it whatever was under way. From the first unconfirmed on, again.
  void gap() noexcept { cursor_ = 0; }
  /// publish_gap of a master that knows nothing of this channel behind `last_number`. What lies between that and the
  /// first unconfirmed publish is not missing: it was given up, or confirmed and the channel forgotten since.
  void gap(uint64_t last_number) noexcept;
  /// These publishes are committed; or, `refused`: the master has no room for them, they are nacked, and no log has
  /// them. What comes behind refused ones follows what came before them.
  void done(seq_range numbers, bool refused = false);
  /// Nobody waits for any of it any more.
  void give_up();

  const channel_id& channel() const noexcept { return channel_; }
  broker::epoch target() const noexcept { return target_; }
  bool idle() const noexcept { return unconfirmed_.empty(); }
  /// Numbers below it have been sent to the present master and not been called for again.
  uint64_t sent_below() const noexcept;
  /// The first that is not confirmed; 0 = none.
  uint64_t first_unconfirmed() const noexcept { return unconfirmed_.empty() ? 0 : unconfirmed_.front().first; }

  void describe(std::string& out) const;

private:
  void relink(size_t at, uint64_t refused, uint64_t before);

  struct sent {
    batch_ref batch;
    slice where;
    uint64_t first = 0;
    uint64_t prev = 0;
    uint64_t end() const noexcept { return first + where.size(); }
  };

  channel_id channel_;
  broker::epoch target_ = 0;
  uint64_t last_ = 0;            ///< number of the newest publish
  uint64_t link_ = 0;            ///< what the next one follows: the newest that was not refused
  std::deque<sent> unconfirmed_; ///< rising
  size_t cursor_ = 0;            ///< unconfirmed_ from here on has not been sent to the present master
};

} // namespace broker::replication
