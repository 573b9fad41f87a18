// A node's own proposals between propose() and their outcome (architecture.md D9; guarantees.md G5, G8).
//
// Model: a queue in the order of proposing. A proposal gets its sequence when it is first sent; from then on it stays
// here until it is seen applied, and is sent again to every new leader: the replicated state applies each sequence
// once. One that nobody waits for any more (its time is over) keeps its place as a `withdrawn` command, so that the
// sequence has no gap; one that was never sent is simply taken out, and has certainly not happened.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "consensus/consensus.hpp"
#include "metadata/command.hpp"

namespace broker {

class proposal_window {
public:
  /// `max`: proposals at most, withdrawn ones included.
  explicit proposal_window(size_t max) : max_(max) {}

  bool full() const noexcept { return items_.size() >= max_; }
  size_t size() const noexcept { return items_.size(); }
  bool has_unsent() const noexcept { return sent_ < items_.size(); }
  bool has_sent() const noexcept { return sent_ > 0; }
  /// When expire() has something to do; UINT64_MAX: never.
  consensus::time_ms next_deadline() const;

  /// `id` empty: nobody waits for it. `deadline` 0: it may take for ever.
  void add(std::optional<consensus::ticket> id, command what, consensus::time_ms deadline);
  /// Everything is to be sent again: to another leader, or because it may be lost.
  void rewind() noexcept { sent_ = 0; }

  struct outgoing {
    uint64_t sequence = 0;
    const std::string* bytes = nullptr; ///< encoded, with its proposer; valid until the window changes
  };
  /// The next to send. `node`, `run`: the proposer. Commands above limits::raft_entry_max_bytes are taken out; their
  /// tickets go to `too_large`.
  std::optional<outgoing> next(uint64_t node, uint64_t run, std::vector<consensus::ticket>& too_large);
  void note_sent() noexcept { ++sent_; }

  /// The proposal with this sequence has been applied: whoever waits for it. It is the oldest that was sent.
  std::optional<consensus::ticket> applied(uint64_t sequence);
  /// Everything up to this sequence has been applied, nobody here knows with what result.
  std::vector<consensus::ticket> applied_unseen(uint64_t upto);

  struct expired {
    std::vector<consensus::ticket> unsent; ///< has not happened and will not
    std::vector<consensus::ticket> sent;   ///< may have happened
  };
  expired expire(consensus::time_ms now);

private:
  struct item {
    std::optional<consensus::ticket> id;
    consensus::time_ms deadline = 0;
    command what;      ///< until it has a sequence
    std::string bytes; ///< from then on
  };

  const size_t max_;
  std::deque<item> items_;
  size_t numbered_ = 0; ///< so many in front have a sequence
  size_t sent_ = 0;     ///< so many in front have been sent to the present leader
  uint64_t first_ = 1;  ///< sequence of the one in front
  proposer by_;
};

} // namespace broker
