// A message store on simulated disks with a model beside it: what was asked for, what was promised, and what must
// therefore be found after a crash. Single-threaded; the test decides when writer, reader and helper run.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "journal_store.hpp"
#include "sim_backlog.hpp"
#include "sim_disk.hpp"

namespace broker::test {

/// A batch of `count` messages whose bodies are `body_of(queue, first), ...`.
batch_ref make_batch(queue_id queue, seqno first, uint32_t count, size_t body_bytes);
std::string body_of(queue_id queue, seqno seq, size_t body_bytes);
/// Body of a message as make_batch laid it out.
std::string_view body(const message& content);

class recording_client final : public store_client {
public:
  void on_durable(seqno upto) override { durable = upto; }
  void on_paged(seqno upto) override { paged = upto; }
  void on_logged(uint64_t upto) override { logged = upto; }
  void on_read(std::vector<stored_run> runs) override {
    answers += 1;
    read = std::move(runs);
  }

  seqno durable = 0;
  seqno paged = 0;
  uint64_t logged = 0;
  int answers = 0;
  std::vector<stored_run> read;
};

class store_fixture {
public:
  explicit store_fixture(uint64_t seed);

  /// Opens (again). False: refused; see `refusal`.
  bool open();
  /// Runs writer, reader and helper until nothing is left to do.
  void settle_down();
  /// Powers off at once, in this style, and forgets the store.
  void crash(sim::crash_style style);
  journal_store& store() { return *store_; }
  ref<recording_client> client(queue_id queue);

  void append(queue_id queue, uint32_t count, size_t body_bytes, bool durable);
  void settle(queue_id queue, seq_range range);
  void delivered(queue_id queue, seqno upto);
  /// A record of the log of the queue's replica, made up from its number.
  void log(queue_id queue, bool begins_anew);
  /// `record` is none that the queue's log has had.
  void log(queue_id queue, bool begins_anew, std::string record);
  void drop(queue_id queue);
  /// After a drop: whoever has the queue now begins with an empty one.
  void begin_anew(queue_id queue);
  /// Live sequence numbers that are known to be readable (reported durable or paged and not settled).
  std::vector<seqno> readable(queue_id queue) const;
  /// Reads everything of a queue and returns the numbers found; checks bodies and order on the way.
  std::vector<seqno> read_all(queue_id queue);
  /// One random operation or step of a role.
  void random_operation();
  /// Learns from the clients what has been promised since.
  void note_promises();
  /// Checks what recovery found against the promises; then goes on from there.
  void check_recovered();

  sim::sim_disk disk;
  sim::sim_backlog backlog;
  journal_options options;
  random_source random;
  std::vector<recovered_queue> recovered;
  std::string refusal;
  std::vector<std::string> fatals;
  std::vector<store_damage> damages;
  std::vector<std::string> notes;
  int rousings = 0; ///< the writer was woken, or its timer armed

private:
  struct stored {
    size_t body_bytes = 0;
    message_facts facts;
    bool transient = false;
    bool promised = false; ///< reported durable or paged
    uint64_t issued = 0;   ///< number of the operation
  };
  struct logged {
    std::string record;
    bool begins_anew = false;
    seqno next = 0;      ///< every append below was made before it
    uint64_t issued = 0; ///< number of the operation
  };
  struct queue_model {
    seqno next = 1;
    std::map<seqno, stored> messages;
    std::map<seqno, uint64_t> settled;    ///< -> number of the operation
    std::map<uint64_t, seqno> watermarks; ///< operation -> upto
    std::vector<logged> log;              ///< all there ever were, numbers from 1
    size_t log_promised = 0;              ///< so many of them
    uint64_t dropped = 0;
  };
  void check_log(queue_id id, queue_model& model, const recovered_queue* found, const std::set<seqno>& present);
  void check_queue(queue_id id, queue_model& model, const recovered_queue* found);

  std::unique_ptr<journal_store> store_;
  std::map<queue_id, ref<recording_client>> clients_;
  std::map<queue_id, queue_model> queues_;
  uint64_t operations_ = 0;
  uint64_t durable_operations_ = 0; ///< every earlier operation is on disk
  queue_id next_queue_ = 1;
};

} // namespace broker::test
