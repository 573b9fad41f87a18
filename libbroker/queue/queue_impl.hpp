// What queue_state is made of. Each request changes the lists; finish() then hands out what can be handed out, keeps
// memory within its budget and tells the store what has ended, once for the whole step.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/message_counts.hpp"
#include "queue/consumer_ring.hpp"
#include "queue/consumer_use.hpp"
#include "queue/dead_letters.hpp"
#include "queue/deduplication.hpp"
#include "queue/outbox.hpp"
#include "queue/pager.hpp"
#include "queue/publisher_credit.hpp"
#include "queue/queue_state.hpp"
#include "queue/ready_levels.hpp"

namespace broker {

struct queue_state::impl {
  enum class phase : uint8_t {
    open,
    closed, ///< being deleted: still takes publishes, since the deletion may yet fail; hands out nothing
    deleted,
  };
  /// A batch taken in this step: whether it can be released is known when the step ends.
  struct fresh_hold {
    batch_ref batch;
    seqno durable = 0;
    seqno paged = 0;
  };
  using holder_at = std::list<queueing::holder>::iterator;

  impl(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
       const recovered_queue* recovered, uint64_t now_ms);
  void configure(std::shared_ptr<const queue_record> described);
  void restore(const recovered_run& found);

  // -- requests (queue_publish.cpp, queue_consumers.cpp, queue_requests.cpp) --
  void take(publish_request& request, queueing::outbox& out, queue_step& step);
  void take(settle_request& request, queueing::outbox& out, queue_step& step);
  void take(consume_request& request, queueing::outbox& out, queue_step& step);
  void take(cancel_request& request, queueing::outbox& out, queue_step& step);
  void take(get_request& request, queueing::outbox& out, queue_step& step);
  void take(purge_request& request, queueing::outbox& out, queue_step& step);
  void take(status_request& request, queueing::outbox& out, queue_step& step);
  void take(delete_request& request, queueing::outbox& out, queue_step& step);
  void take(channel_gone& request, queueing::outbox& out, queue_step& step);
  void take(consumer_ready& request, queueing::outbox& out, queue_step& step);
  void end(queueing::outbox& out, queue_step& step);
  void leave(queueing::outbox& out, bool moved);

  // -- publishing (queue_publish.cpp) --
  queueing::run cut_run(const batch_ref& batch, slice& left);
  queueing::run cut_logged(const batch_ref& batch, slice& left) const;
  void number(queueing::run& what);
  bool is_logged() const { return place.first != 0; }
  bool is_persistent(const message& what) const;
  uint64_t deadline_of(const message& what) const;
  message_facts facts_of(const queueing::run& what) const;
  uint64_t by_the_calendar(uint64_t deadline_ms);
  void accept_all(slice left, const publish_request& request, fresh_hold& hold, queueing::outbox& out);
  void accept(queueing::run what, const publish_request& request, fresh_hold& hold, queueing::outbox& out);
  void admit(queueing::run what, const publish_request& request, fresh_hold& hold, queueing::outbox& out);
  void take_holds();
  bool pacing() const;
  void pace();
  void slow_down_no_more();
  void store_answered();

  // -- dropping duplicates (queue_deduplicate.cpp) --
  void take_new_ones(slice left, const publish_request& request, fresh_hold& hold, queueing::outbox& out);
  void confirm_duplicate(confirm_number number, const publish_request& request, queueing::outbox& out);
  bool must_learn_first(publish_request& request);
  void learn(seq_range asked, const std::vector<stored_run>& runs, queueing::outbox& out, queue_step& step);
  void learn_more();
  void forget_keys(const queueing::run& what);

  // -- delivering (queue_deliver.cpp) --
  void finish(queueing::outbox& out, queue_step& step);
  void ask_for_tick(queue_step& step) const;
  void serve_gets(queueing::outbox& out);
  void answer(const get_request& get, queueing::outbox& out);
  void dispatch(queueing::outbox& out);
  void hand_out(queueing::holder& to, queueing::run what, queueing::outbox& out);
  void keep_unacked(queueing::holder& by, queueing::run what);
  bool clear_head();
  void ended(const queueing::run& what);
  void trim_unacked();
  void save_survivors();
  void tell_store();

  // -- limits (queue_limits.cpp) --
  uint64_t wall_ms() const { return settings.wall_ms ? settings.wall_ms() : 0; }
  bool expire(uint64_t before_ms);
  bool too_large() const;
  bool knows_sizes(const queueing::run& head) const;
  uint64_t surplus(const queueing::run& head) const;
  bool drop_over_limit();
  bool end_heads();
  uint32_t fitting(const queueing::run& what) const;
  bool has_room(uint64_t messages, uint64_t bytes) const;
  void refuse(queueing::run what, const publish_request& request, queueing::outbox& out);
  void used() { last_used_ms = now_ms; }
  bool check_expired(queue_step& step);

  // -- dead letters (queue_dead_letters.cpp) --
  void die(queueing::run what, queueing::dead_letter_reason why);
  bool forward_dead(queue_step& step);
  void read_dead();
  void dead_read_done(const std::vector<stored_run>& runs);
  template<class Call>
  void with_surroundings(Call call);
  template<class Hear>
  void dead_letters_landed(uint64_t at_ms, queue_step& step, Hear hear);
  bool too_many_dead() const { return dead.memory() > limits::dead_letter_memory_bytes; }

  // -- looking without taking (queue_look.cpp) --
  struct look_under_way {
    struct piece {
      seq_range asked;
      std::vector<stored_run> runs;
    };
    uint64_t number = 0;
    std::vector<queueing::run> runs; ///< those without bodies are being read
    std::vector<piece> found;
    size_t reads = 0; ///< that are awaited
  };
  std::vector<queueing::run> runs_to_see(const look_order& order) const;
  void look_read(seq_range asked, const std::vector<stored_run>& runs, queue_step& step);
  void answer_looks(queue_step& step);

  // -- holders (queue_consumers.cpp) --
  queueing::holder* find(const consumer_ref& who, const channel_ref& channel);
  holder_at add_holder(const consumer_ref& who, const channel_ref& channel);
  void erase_holder(holder_at at);
  void stop_consuming(queueing::holder& one);
  void promote_next();
  void requeue(std::vector<queueing::run> what);
  void count_returns(std::vector<queueing::run>& what);
  bool check_unused(queue_step& step);
  error refusal(uint16_t code, std::string_view kind, std::string_view what) const;
  error missing() const;

  void check() const;

  std::shared_ptr<const queue_record> record;
  std::shared_ptr<const queue_options> options; ///< the record's; never null
  queue_settings settings;
  message_store& store;
  phase now = phase::open;
  bool paused = false;         ///< nothing is handed out: perhaps another node is master (G5)
  uint64_t now_ms = 0;         ///< of the step under way
  uint64_t clocks_now_ms = 0;  ///< a moment at which both clocks were read,
  uint64_t clocks_wall_ms = 0; ///< and what the calendar said; 0: none yet
  seqno next = 1;
  place_in_log place; ///< of the publish under way

  queueing::ready_levels ready;
  queueing::pager pages;
  queueing::confirm_list confirms;
  queueing::hold_list holds;
  std::vector<fresh_hold> fresh;

  std::list<queueing::holder> holders;              ///< in the order they came
  std::unordered_map<const void*, holder_at> index; ///< by consumer; for basic.get by channel
  queueing::consumer_ring ring;
  queueing::consumer_use use;
  const queueing::holder* exclusive = nullptr;
  const queueing::holder* active = nullptr; ///< of a queue with a single active consumer
  consumer_ref leaving;          ///< the last consumer of an auto-delete queue: cancel-ok waits for the deletion
  channel_ref closed_by;         ///< whose queue.delete has closed the queue
  std::vector<get_request> gets; ///< wait for a body to be read back
  queueing::dead_letters dead;
  seqno dead_read = 0; ///< first of the dead letters that are being read back, 0 = none are
  uint64_t last_used_ms = 0;
  uint64_t unacked_messages = 0;
  uint64_t unacked_memory = 0;
  uint64_t trim_above = 0; ///< unacked bytes in memory at which it is worth looking again for bodies to drop

  size_t allowed = 0;         ///< bytes of bodies this queue may keep in memory, as of the last step
  size_t steps_to_saving = 0; ///< until runs are looked at for survivors again

  std::vector<seq_range> settled; ///< for the store, of this step
  seqno handed_out = 0;           ///< behind the last durable message that was delivered
  seqno handed_out_told = 0;

  std::unique_ptr<queueing::deduplication> seen; ///< null unless the queue drops duplicates
  seqno accepted_end = 0;                        ///< behind the last message that was not refused
  seqno durable_end = 0;                         ///< behind the last message appended as durable

  message_counts counts;            ///< for operators
  std::deque<look_under_way> looks; ///< in the order they came

  seqno paged_in_step = 0; ///< behind the last message paged out for lack of memory, 0 if none was

  bool congested = false;   ///< withheld because the store was: until its next answer
  uint64_t pace_due_ms = 0; ///< 0: nothing is withheld
  uint64_t bytes_handed_out = 0;
  uint64_t bytes_at_tick = 0;
  uint64_t withheld_since_ms = 0; ///< 0: nothing is withheld
};

} // namespace broker
