// The messages of a queue that have died and are not yet where they go (features.md W52). They count neither as ready
// nor as unacked; the store keeps them until every target has confirmed, so dead-lettering is at least once whatever
// crashes (stronger than RabbitMQ's at-most-once; docs/differences.md).
//
// Each is in one of: waiting (in the order they died), flying (targets have been sent it), resting (a target refused it
// and the strategy is at-least-once: tried again later).
// Owned by one queue; not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "metadata/snapshot.hpp"
#include "queue/death_headers.hpp"
#include "queue/forwarder.hpp"
#include "queue/run.hpp"

namespace broker::queueing {

class dead_letters {
public:
  /// What a step knows of the world around the queue.
  struct surroundings {
    const queue_record& record;
    const queue_options& options;
    const metadata_snapshot* metadata; ///< null: no exchange is known
    uint64_t now_ms;
    uint64_t wall_ms;
    const std::function<void(const std::string&)>& note; ///< a line for the log; may be empty
  };

  explicit dead_letters(channel_ref own_address) : forwarder_(std::move(own_address)) {}

  bool empty() const noexcept { return messages_ == 0; }
  uint64_t messages() const noexcept { return messages_; }
  /// What the bodies in memory are charged for.
  uint64_t memory() const noexcept { return memory_; }
  /// False: whoever can wait before it lets a message die should.
  bool has_room() const noexcept { return messages_ < limits::dead_letters_in_flight_max; }

  void add(run what, dead_letter_reason why);
  /// Sends on what can be sent; `done` gets what is finished because nobody wants it.
  void forward(const surroundings& around, forwarder::requests& to, std::vector<run>& done);
  void answered(const confirmed& what, const surroundings& around, std::vector<run>& done);
  void target_gone(queue_id target, const surroundings& around, std::vector<run>& done);
  /// Whatever the strategy, they are sent again: a node that is down is no reason to lose them.
  /// `upto`: as forwarder::target_unreachable.
  void target_unreachable(queue_id target, epoch upto, const surroundings& around, std::vector<run>& done);
  void sent_to_master(queue_id target, confirm_number from, epoch mastership) {
    forwarder_.sent_to_master(target, from, mastership);
  }

  /// The first that waits has no body in memory: read these back. Those that wait behind it and lie close behind it in
  /// the store come along, up to about `bytes`. False: no need.
  bool wants_bodies(uint64_t bytes, seq_range& gap) const;
  /// The answer; perhaps only a part of what was asked for, or with messages in between that are none of these.
  void attach(const std::vector<stored_run>& bodies);
  /// When a resting one is due, 0 = none.
  uint64_t due_ms() const noexcept;

  std::vector<seq_range> ranges() const;
  template<class Visit>
  void for_each(Visit visit) const {
    for (const letter& one : waiting_)
      visit(one.what);
    for (const auto& [first, one] : flying_)
      visit(one.what);
    for (const letter& one : resting_)
      visit(one.what);
  }
  void check() const;

private:
  struct letter {
    run what;
    dead_letter_reason why = dead_letter_reason::rejected;
    uint32_t refusals = 0;
    uint64_t rests_until_ms = 0;
    std::vector<queue_id> targets; ///< of the last flight
    std::vector<queue_id> have_it; ///< of earlier flights
  };
  enum class fate { flies, ends, rests };

  void wake(uint64_t now_ms);
  letter take_one();
  fate send(letter& one, const exchange_record& to, const surroundings& around);
  std::vector<queue_id> route(const letter& one, const message& made, const exchange_record& to,
                              const surroundings& around);
  void rest(letter one, uint64_t now_ms);
  bool attach_to(size_t at, const stored_run& bodies);
  void finish(letter one, std::vector<run>& done);
  template<class Ask>
  void hear(const surroundings& around, std::vector<run>& done, Ask ask);
  void landed(std::vector<forwarder::outcome>& ended, const surroundings& around, std::vector<run>& done);
  void add_sums(const run& what);
  void subtract_sums(const run& what);
  void note_once(const surroundings& around, const std::string& text);

  forwarder forwarder_;
  std::deque<letter> waiting_;
  std::map<seqno, letter> flying_;
  std::vector<letter> resting_;
  uint64_t messages_ = 0;
  uint64_t memory_ = 0;
  std::set<std::string> noted_; ///< is not said again
};

} // namespace broker::queueing
