// The durable message store: journal and backlog behind ports/message_store.hpp, without threads of its own. Three
// roles work on it, each by one thread at a time: the writer (step_writer), the reader (step_reader) and the helper
// (step_helper: spare segments, migration to the backlog, reuse). Production gives each a thread (store_threads); tests
// and simulation call the steps from one thread in any order.
//
// Locks, never nested except in this order, never held across input or output: clients, index, pending.
// Source: architecture.md D11; guarantees.md G1, G6, G7; hotpath.md rule 7; docs/internals/storage.md.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backlog_store.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "journal_index.hpp"
#include "journal_writer.hpp"
#include "message_reader.hpp"
#include "ports/file_system.hpp"
#include "ports/message_store.hpp"
#include "queue_lives.hpp"
#include "segment_pool.hpp"

namespace broker {

/// When an append that asked for durability is reported durable.
enum class durability_mode {
  fsync,    ///< after fdatasync (default; the only mode that keeps G1 through a power failure)
  interval, ///< after the write; synced on the timer
  os,       ///< after the write; synced when the operating system likes, and at shutdown
};

struct journal_options {
  std::string directory = "journal";
  durability_mode durability = durability_mode::fsync;
  uint64_t segment_bytes = limits::journal_segment_bytes;
  size_t spare_segments = limits::journal_spare_segments;
  /// Segments that may exist before sparse ones are emptied into the backlog.
  size_t keep_segments = 4;
  /// Seeds the salts of segments; different for every start.
  uint64_t salt_seed = 0;
};

/// Where the store turns to. Every function is set and thread-safe.
struct journal_events {
  /// A write or sync failed: the node must end (G6). Called once; nothing is written afterwards.
  std::function<void(const error&)> fatal;
  /// Stored messages cannot be read back. They are not served and their files are kept.
  std::function<void(const store_damage&)> damaged;
  /// A line for the log.
  std::function<void(const std::string&)> note;
  std::function<void()> wake_writer;
  /// Something waits for the writer that does not wake it: step_writer(true) within the flush interval.
  std::function<void()> arm_timer;
  std::function<void()> wake_reader;
  std::function<void()> wake_helper;
};

class journal_store final : public message_store {
public:
  struct opened {
    std::unique_ptr<journal_store> store;
    std::vector<recovered_queue> queues; ///< by queue id
  };
  /// Recovers. An error names file and offset and means: refuse to start; nothing was deleted (G7).
  static result<opened> open(file_system& files, backlog_store& backlog, journal_options options,
                             journal_events events);
  ~journal_store() override;

  // -- message_store: any thread --
  void attach(queue_id queue, ref<store_client> who) override;
  void detach(queue_id queue) override;
  void append(queue_id queue, const batch_ref& batch, slice where, seqno first, bool durable,
              message_facts facts) override;
  void append_logged(queue_id queue, const batch_ref& batch, slice where, seqno first, message_facts facts) override;
  void settle(queue_id queue, std::vector<seq_range> seqs) override;
  void log(queue_id queue, uint64_t number, std::string record, bool begins_anew) override;
  void delivered(queue_id queue, seqno upto) override;
  void read(queue_id queue, seqno from, seqno before, size_t max_bytes) override;
  void drop(queue_id queue) override;
  bool congested() const override {
    return pending_bytes_.load(std::memory_order_relaxed) > limits::journal_pending_bytes;
  }

  // -- the roles --
  /// Writes everything pending: one group commit. `timer`: the flush interval has passed.
  void step_writer(bool timer);
  /// True while the writer needs the timer: something waits that does not wake it.
  bool writer_needs_timer() const;
  /// Serves one read; false if there was none that can be served yet.
  bool step_reader();
  /// One piece of housekeeping; false if there was nothing to do.
  bool step_helper();
  /// The node stops: step_helper() takes its time no longer. Any thread.
  void end_leisure() { pool_.end_leisure(); }
  /// Flushes and syncs everything. Afterwards only the destructor may be called.
  void close();

  // -- what is known of it --
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  size_t segments() const;

private:
  enum class op_kind : uint8_t { append, append_logged, settle, delivered, drop, log };
  /// When the writer hears of an operation: at once, within the flush interval, or with the one that follows.
  enum class rouse { now, in_time, by_the_next };
  struct operation {
    op_kind kind;
    bool durable = false; ///< of a log record: the log begins anew with it
    queue_id queue = 0;   ///< as the journal knows it, here and below
    batch_ref batch;
    slice where;
    seqno seq = 0; ///< first of an append, upto of a watermark, number of a log record
    std::vector<seq_range> seqs;
    message_facts facts;
    std::string record{};
  };
  struct read_request {
    queue_id queue = 0;
    seqno from = 0;
    seqno before = 0;
    size_t max_bytes = 0;
    uint64_t after = 0; ///< appends that must have been written
    /// Who asked. The next client of the queue would take the answer for one to a read of its own.
    ref<store_client> who;
  };
  struct completions {
    std::map<queue_id, seqno> durable;
    std::map<queue_id, seqno> paged;
    std::map<queue_id, uint64_t> logged;
    size_t bytes = 0; ///< no longer pending
  };
  /// The one segment that is being retired: emptied by the helper, written down by the writer, wiped by the helper.
  enum class retirement_state { idle, to_log, logging, logged, wiping };

  journal_store(file_system& files, backlog_store& backlog, journal_options options, journal_events events);
  result<std::vector<recovered_queue>> recover();

  bool check(const result<void>& outcome);
  void enqueue(operation added, size_t bytes, rouse when);
  result<void> write_operations(std::vector<operation>& operations, completions& done);
  result<void> write_log(const operation& what, completions& done);
  result<void> write_retirement(bool& sync);
  result<void> give_up_retirement(queue_id queue, const error& why);
  void learn();
  void complete(const completions& done);
  /// Its queue's client, unless the queue was dropped since. The clients' lock is held.
  store_client* client_of(queue_id stored) const;
  bool serve(const read_request& request);
  void release(const std::vector<read_piece>& plan);
  /// Keeps the segment from being reused and tells the node.
  void report(const store_damage& found, uint32_t segment);

  bool prepare_spares();
  bool erase_from_backlog();
  bool begin_retirement();
  bool migrate(uint32_t sequence);
  bool move_survivor(queue_id queue, const read_piece& survivor);
  bool finish_retirement();

  file_system& files_;
  backlog_store& backlog_;
  const journal_options options_;
  const journal_events events_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> fatal_reported_{false};

  mutable std::mutex clients_mutex_;
  std::map<queue_id, ref<store_client>> clients_;

  mutable std::mutex index_mutex_;
  journal_index index_;
  std::vector<std::pair<queue_id, std::vector<seq_range>>> backlog_erasures_;
  std::vector<queue_id> backlog_drops_;
  retirement_state retirement_ = retirement_state::idle;
  uint32_t retiring_ = 0;

  mutable std::mutex pending_mutex_;
  queue_lives lives_; ///< what its clients call queues is called differently everywhere below
  std::vector<operation> pending_;
  std::deque<read_request> reads_;
  uint64_t appends_enqueued_ = 0;
  uint64_t appends_written_ = 0;
  std::atomic<size_t> pending_bytes_{0};

  segment_pool pool_;
  std::optional<journal_writer> writer_; ///< the writer's alone
  /// The writer's alone: number in the journal of the next record of a replica's log, for those written to since the
  /// start.
  std::map<queue_id, uint64_t> next_log_;
  std::vector<queue_facts> forgotten_; ///< by recovery; the writer's alone
  std::atomic<bool> timer_wanted_{false};
  bool interval_unsynced_ = false; ///< the writer's alone
  bool spares_failed_ = false;     ///< the helper's alone
};

} // namespace broker
