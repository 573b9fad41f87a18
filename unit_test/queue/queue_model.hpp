// Random operation sequences against a naive model: a table of messages and who has them. Every event is checked
// against it, every invariant after each step; the store answers late, in parts, and with tiny budgets almost
// everything is paged. What options change is left to derived models.
#pragma once

#include <map>
#include <vector>

#include "base/random.hpp"
#include "with_options.hpp"

namespace test {

class queue_model {
public:
  queue_model(uint64_t seed, size_t memory_bytes, const queue_options& options);
  virtual ~queue_model() = default;

  /// That many steps; then the queue is drained or deleted, and must have forgotten everything.
  void run(int steps);

protected:
  enum class place { ready, unacked, dead, gone };
  enum class end { acknowledged, rejected, purged };
  struct known_message {
    uint64_t number = 0;
    bool persistent = false;
    bool redelivered = false;
    place where = place::ready;
    const void* by = nullptr; ///< consumer, or channel of a get
    uint8_t priority = 0;
    uint64_t deadline_ms = 0;
    uint32_t returns = 0; ///< counted by quorum queues
    bool sent = false;    ///< as a dead letter
    std::string key{};    ///< for de-duplication, "" = none
  };
  using entry = std::pair<const seqno, known_message>;

  // -- what options change --
  virtual size_t batch_size() { return 1 + random_.below(random_.chance(1, 4) ? 200 : 5); }
  virtual batch_ref make_batch(size_t count) = 0;
  virtual bool wants_confirms() { return random_.chance(2, 3); }
  /// The queue has been given `one`; what it refused is in f_.rejects.
  virtual void accepted(const message& one, bool confirm) = 0;
  virtual void ends(entry& one, end) { one.second.where = place::gone; }
  virtual void comes_back(entry& one);
  /// After messages came back, before the queue hears of it.
  virtual void came_back() {}
  virtual void before_step() {}
  virtual void subscribed(const consumer_ref&) {}
  /// Consumers have left.
  virtual void left() {}
  virtual void check_delivery(const delivery&) {}
  virtual void check_content(const stored_run&) {}
  /// Something behind `one`, which is ready, was handed out: only what had expired may be passed by.
  virtual void passed_by(known_message&) {}
  virtual void judge_more() {}
  /// Others answer the queue; true: more is under way.
  virtual bool answer_more(bool /*all*/) { return false; }

  known_message& keep(known_message fresh, bool confirm);
  void judge();
  uint64_t count(place where) const;

  random_source random_;
  bool pressure_ = false;
  const queue_options options_;
  fixture_with f_;
  std::vector<consumer_ref> consumers_; ///< consuming
  std::map<seqno, known_message> known_;
  std::map<confirm_number, seqno> unconfirmed_; ///< to the seqno that must be durable first, 0 = none
  seqno next_seq_ = 0;

private:
  void one_step();
  void rare();
  // what clients do
  void publish();
  void consume();
  void subscribe(const consumer_ref& who);
  void cancel();
  void settle();
  settle_request some_settlement();
  void get();
  void lose_channel(size_t which);
  void purge();
  void write_out();
  // what the store does
  void answer_durable(bool all = false);
  void answer_paged(bool all = false);
  void answer_read();
  // judging
  using in_line = std::pair<int, seqno>; ///< messages go out in this order
  static in_line place_in_line(seqno seq, const known_message& one) { return {-one.priority, seq}; }
  void hand(seqno seq, uint64_t number, bool redelivered, const void* by, bool no_ack, std::vector<seqno>& handed_out);
  void judge_events(std::vector<seqno>& handed_out);
  void judge_order(const std::vector<seqno>& handed_out);
  void judge_confirms();
  void judge_holds();
  void compare();
  void answer_everything();
  void drain();
  void end_by_deletion();

  std::vector<channel_ref> channels_;
  std::vector<consumer_ref> everyone_; ///< that ever was: may hold unacked messages
  std::vector<batch_ref> held_;
  std::map<const void*, in_line> last_of_step_;
  seqno durable_ = 0;
  seqno paged_ = 0;
};

} // namespace test
