// Keeps a replica's log in the node's message store: what `replica` writes becomes appends, settles and log records
// (log_record.hpp), what the store reports becomes `replica::written`, what the master reads back becomes `log_read`
// and `live_read`. Recovery: log_recovery.hpp. How it lies on disk: docs/internals/storage.md. Rules: guarantees.md R1,
// R5, G7; replication.md T8, T15-T17.
//
// Order is all that makes it safe: messages are appended before the record that tells of them and settled after the
// record that ends them, and the store finds a record again only with every append made before it. So a crash leaves a
// prefix of what was written; messages without a record belong to nobody and are settled at the next start.
//
// A message that a committed settle has ended is settled in the store at once. So a peer that is behind what is in
// memory and lacks such a message gets a copy (log_read without an answer), as does one that lacks what the log does
// not know any more: it was out of the in-sync set.
//
// Used by one actor; calls no one but the store. Not thread-safe.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "ports/message_store.hpp"
#include "replication/effects.hpp"
#include "replication/log_numbers.hpp"
#include "replication/replica_log.hpp"

namespace broker::replication {

struct recovered_log;

/// What answers a read_order.
struct read_answer {
  read_order order;
  std::optional<std::vector<log_run>> runs; ///< log entries (replica::log_read)
  std::vector<live_run> live;               ///< live messages up to `upto` (replica::live_read)
  seqno upto = 0;
  bool damaged = false; ///< what was read is not what was written: as effects::damaged
};

/// After so many records, or bytes of them, a checkpoint makes those before it superfluous: bounds what a start reads
/// and what a retired segment carries on. A checkpoint costs 36 bytes per channel of the de-duplication table and 81
/// per uncommitted run; the next comes only after twice its bytes.
struct log_storage_settings {
  size_t checkpoint_records = 4096;
  size_t checkpoint_bytes = 4 * 1024 * 1024;
};

class log_storage {
public:
  /// Of a queue that the store has nothing of. The caller has attached a client to it, which passes on_logged and
  /// on_read_with_facts on to here, and drops the queue in the store when it is deleted.
  log_storage(queue_id queue, message_store& store, log_storage_settings settings = {})
    : queue_(queue), store_(&store), settings_(settings) {}
  /// Of one that recovery has found. Settles what it says is left of what had ended.
  log_storage(queue_id queue, message_store& store, const recovered_log& found, log_storage_settings settings = {});

  /// Performs effects::writes, all that there are. `log` is the replica's after the step that made the last of them,
  /// `commit` and `delivered_upto` its.
  void perform(const std::vector<log_write>& writes, const replica_log& log, seqno commit, seqno delivered_upto);
  /// The replica was given up for one with an empty log and another incarnation (T19), which numbers its writes anew.
  /// It numbers its reads anew, too: what is still being read is answered to node 0, which nobody is.
  void begin_again();
  /// Everything below `upto` has been delivered once (G2). Rides along, like a settle.
  void delivered(seqno upto);
  /// store_client::on_logged. The write for replica::written, 0: none of this replica's.
  write_number on_logged(uint64_t upto);

  /// effects::reads. An answer if nothing has to be read, or can be.
  std::optional<read_answer> read(const read_order& order, const replica_log& log);
  /// store_client::on_read_with_facts: the answer to the oldest order that was not answered yet.
  read_answer on_read(const std::vector<stored_run>& runs, const std::vector<message_facts>& facts,
                      const replica_log& log);

  const log_numbers& numbers() const noexcept { return numbers_; }
  /// Since the last that began anew.
  size_t records() const noexcept { return records_; }

private:
  struct settled {
    uint64_t after = 0; ///< this record was the last before it
    std::vector<seq_range> places;
  };
  struct ordered {
    read_order order;
    std::vector<seq_range> settled; ///< may still be found, and must not
  };

  void perform(const log_write& what);
  void append(const stored_run& run, message_facts facts);
  void note(const log_write& what, uint64_t offset);
  void settle(std::vector<seq_range> places);
  void check_point(const replica_log& log, seqno commit, seqno delivered_upto);
  std::vector<seq_range> unsure() const;
  read_answer answer_live(const ordered& asked, const std::vector<stored_run>& runs,
                          const std::vector<message_facts>& facts) const;
  read_answer answer_log(const read_order& order, const std::vector<stored_run>& runs, const replica_log& log) const;

  queue_id queue_;
  message_store* store_;
  log_storage_settings settings_;
  log_numbers numbers_;
  uint64_t record_ = 0; ///< number of the last record
  uint64_t life_ = 0;   ///< write n of the present replica is record life_ + n
  size_t records_ = 0;
  size_t bytes_ = 0;
  size_t checkpoint_size_ = 0;
  std::deque<settled> settled_; ///< that may not be on disk yet
  std::deque<ordered> orders_;
};

} // namespace broker::replication
