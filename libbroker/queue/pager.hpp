// Moves message bodies between memory and the store (architecture.md D12): beyond the budget the newest ready messages
// keep no bodies; they are read back in ranges, ahead of the consumer, so that a drain streams.
#pragma once

#include <functional>
#include <vector>

#include "ports/message_store.hpp"
#include "queue/ready_levels.hpp"

namespace broker::queueing {

class pager {
public:
  /// Who wants messages read back.
  enum class reader : uint8_t {
    head, ///< the head of the list
    dead, ///< dead letters
    keys, ///< de-duplication after a restart
    look, ///< an operator who looks into the queue
    size, ///< nobody: how large they are
  };
  struct request {
    seq_range range;
    reader who;
  };

  /// Messages that are not wanted but read along because they lie between wanted ones.
  static constexpr uint64_t read_along_max = 32;

  using facts_of = std::function<message_facts(const run&)>;

  pager(queue_id queue, message_store& store) : queue_(queue), store_(store) {}

  /// The store has everything below `next`.
  void recovered(seqno next);
  /// Appends a run that comes after everything appended before. `facts`: what recovery must find with a durable one,
  /// and copies with any (queue_state::give_up).
  void append(const run& what, bool durable, message_facts facts);
  /// The store takes rising numbers only: true if `what` can still be appended.
  bool takes(const run& what) const noexcept { return what.first >= appended_; }
  /// True when the store has all of `what` on disk (durable) or written (paged): its bodies may go.
  bool has(const run& what) const noexcept;

  void durable(seqno upto, ready_levels& ready);
  void paged(seqno upto, ready_levels& ready);

  /// Gets ready messages down to `budget` bytes, newest first. @returns the sequence number behind the last message
  /// that was given to the store for this, 0 if none was.
  seqno shed(ready_levels& ready, uint64_t budget, const facts_of& facts);
  /// Waits for `range` to be in the store and then drops its bodies.
  void drop_when_stored(const run& what);

  /// Reads the head of the list back, up to two requests of `bytes` ahead.
  void read_ahead(const ready_levels& ready, uint64_t bytes);
  /// Reads ready messages whose sizes are estimates, up to `bytes` of them at a time, and learns what they are.
  void read_sizes(const ready_levels& ready, uint64_t bytes);
  /// Reads messages back for somebody else than the list. Answers come in the order of all requests.
  void read(reader who, seq_range which, uint64_t bytes);
  /// Answer to the oldest request, which is returned; bodies for the list are in it now.
  request read_done(const std::vector<stored_run>& runs, ready_levels& ready);
  /// Is everything that was appended as durable below `end` on disk?
  bool is_durable(seqno end) const noexcept { return end <= durable_; }

  uint64_t messages_written() const noexcept { return written_; }
  uint64_t messages_read() const noexcept { return read_; }

  bool waiting() const noexcept { return !durable_drops_.empty() || !paged_drops_.empty() || !reads_.empty(); }

private:
  static void drop_below(std::vector<seq_range>& drops, seqno upto, ready_levels& ready);
  bool next_gap(const ready_levels& ready, uint64_t bytes, seq_range& gap) const;

  queue_id queue_;
  message_store& store_;
  uint64_t written_ = 0;
  uint64_t read_ = 0;
  seqno appended_ = 0; ///< behind the last message the store was given
  seqno durable_ = 0;
  seqno paged_ = 0;
  std::vector<seq_range> durable_drops_; ///< bodies to drop, by the answer they wait for; sorted
  std::vector<seq_range> paged_drops_;
  std::vector<request> reads_; ///< outstanding
  size_t reads_ahead_ = 0;     ///< of them for the list
  bool reads_sizes_ = false;   ///< one of them does
};

} // namespace broker::queueing
