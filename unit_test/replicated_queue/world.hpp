// Nodes with a replicated queue each, publishers and a consumer, in one process: the queues, the replication's wire
// format and its timers are real; the test moves messages, disks, metadata and time. Promises are checked as they are
// made.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "queue/replicated_queue.hpp"
#include "replication/ending_store.hpp"
#include "replication/publisher.hpp"

namespace replicated {

namespace repl = broker::replication;
using namespace broker;

/// A message as the test knows it: the number of its publish on its channel.
struct label {
  uint64_t channel = 0;
  uint64_t number = 0;
  friend auto operator<=>(const label&, const label&) = default;
};

struct seen {
  label what;
  seqno seq = 0;
  bool redelivered = false;
};

struct node {
  bool up = false;
  repl::incarnation inc = 0;
  std::unique_ptr<log_model::ending_store> store;
  recovered_queue found; ///< by the last crash
  std::unique_ptr<replicated_queue> queue;
  size_t applied = 0; ///< index into world::versions
  uint64_t tick_due_ms = 0;
  // -- of its clients --
  consumer_ref who;
  std::deque<seen> held; ///< delivered and not acked
  // -- of its office --
  std::set<label> given;
  std::map<uint64_t, uint64_t> last_new; ///< by channel: last that was delivered for the first time
  seqno marked = 0;                      ///< what it knew to be delivered when it took office
};

struct world_settings {
  int nodes = 3;
  int members = 3;
  uint32_t min_in_sync = 1;
  size_t tail_bytes = SIZE_MAX;
  size_t described_bytes = SIZE_MAX; ///< 0: of what leaves memory nothing is known any more
  size_t copy_above_bytes = SIZE_MAX;
  size_t memory_bytes = limits::queue_memory_bytes;
  size_t checkpoint_every = 4096;
  uint16_t prefetch = 0;
  queue_options options{};
};

class world {
public:
  explicit world(world_settings settings);

  // -- what the world does --
  void publish(uint64_t channel, uint32_t count, const std::string& expiration = {},
               std::optional<std::string> key = {}, uint8_t priority = 0);
  void consume(int who);
  void cancel(int who);
  /// Acks the oldest `count` that its consumer holds.
  void ack(int who, size_t count);
  void reject(int who, size_t count);
  void purge(int who);
  void crash(int who, random_source* random = nullptr);
  void restart(int who);
  void cut(int a, int b);
  void heal() { cuts.clear(); }
  void expire(int who);
  void propose(const repl::placement_command& what) { proposals.push_back(what); }
  void reconfigure(queue_options options);
  bool hand_over(int who, int to);
  /// Does what a step of its queue asks for.
  void take(int who, replicated_step& step);

  // -- one thing at a time: false if there is nothing to do --
  bool deliver(int from, int to);
  bool sync(int who, random_source* random = nullptr);
  bool apply_metadata(int who);
  bool commit_proposal();
  bool answer_read(int who);
  bool channel_sends(uint64_t channel);
  void tick(int who);
  /// Everything above until nothing is left, without time passing.
  void calm();
  /// The same with time passing: retries, removals and supervision take place.
  void run_for(uint32_t milliseconds);

  // -- what can be asked --
  node& at(int who) { return nodes[static_cast<size_t>(who) - 1]; }
  const node& at(int who) const { return nodes[static_cast<size_t>(who) - 1]; }
  const repl::metadata_view& head() const { return *versions.back(); }
  int master() const; ///< node that acts as master of the newest epoch, 0 = none
  bool in_sync(int who) const;
  /// Numbers of `channel` in the order in which they were delivered since the last call.
  std::vector<uint64_t> taken(uint64_t channel = 1);
  /// Everything has been confirmed and delivered, and nothing is left anywhere; "" or what is wrong.
  std::string drained();

  world_settings settings;
  std::vector<node> nodes;
  std::map<std::pair<int, int>, std::deque<std::string>> links; ///< encoded
  std::set<std::pair<int, int>> cuts;
  std::vector<std::shared_ptr<const repl::metadata_view>> versions;
  std::deque<repl::placement_command> proposals;
  std::map<uint64_t, repl::publisher> channels;
  std::map<uint64_t, channel_ref> addresses;
  std::map<uint64_t, uint64_t> published; ///< by channel: last number
  std::set<label> confirmed, refused, delivered, acked_for_good, purged;
  std::vector<seen> history;                                ///< all deliveries
  std::vector<std::pair<queue_id, queue_request>> requests; ///< dead letters
  std::map<int, int> cancelled;                             ///< consumers, by node
  std::vector<seen> fresh;                                  ///< since taken()
  size_t offices = 0, deposed = 0, gaps = 0, misdirected = 0, copies = 0, again = 0;
  bool refusals_get_lost = false; ///< on their way to channels
  uint64_t now_ms = 1000;
  uint64_t wall_ms = 1'700'000'000'000;
  snapshot_ptr metadata; ///< routes of dead letters
  std::string broken;    ///< first promise broken

private:
  struct owed_ack {
    int who = 0;
    epoch mastership = 0;
    seqno entry = 0;
    std::vector<label> what;
  };

  void take(int who, uint64_t to, const queue_event& what);
  void on_delivered(int who, const broker::delivered& what);
  void on_confirmed(int who, const broker::confirmed& what, uint64_t channel);
  void settle(int who, size_t count, settle_request::kind what);
  void note_settles(int who);
  bool on_disk(int who, const label& what) const;
  void view_changed(const repl::metadata_view& next);
  void fail(std::string what) {
    if (broken.empty())
      broken = std::move(what);
  }

  std::shared_ptr<const queue_record> record_;
  std::vector<owed_ack> owed_;
  uint64_t next_address_ = 1000;
};

} // namespace replicated
