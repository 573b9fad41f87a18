// Rebuilds the index from the segments and the backlog, without loading bodies (docs/internals/storage.md, "Recovery").
//
// What a crash can explain is repaired: a torn tail is cut and sealed, a use of a segment that never became durable is
// wiped, a retirement is finished. Anything else is damage: an error that names file and offset; nothing is changed
// then. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backlog_store.hpp"
#include "journal_index.hpp"
#include "journal_writer.hpp"
#include "ports/message_store.hpp"
#include "segment_pool.hpp"
#include "segment_scanner.hpp"

namespace broker {

class journal_recovery {
public:
  journal_recovery(segment_pool& pool, backlog_store& backlog, journal_index& index)
    : pool_(pool), backlog_(backlog), index_(index) {}

  /// Runs all of it. On success the index is complete, every segment synced and the rest of the files are spares.
  result<journal_writer::position> run();
  /// Live durable messages of every queue, by queue id, and what those that have a log had paged out. Call after run().
  /// `present`: is this number in the journal that of its queue's present life?
  result<std::vector<recovered_queue>> queues(const std::function<bool(queue_id)>& present) const;
  /// What the others had paged out has ended: to be the first that is written.
  std::vector<queue_facts> forgotten() { return std::move(forgotten_); }
  /// Lines for the log: what was cut, wiped or repaired.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

private:
  struct found_segment {
    segment_ref file;
    segment_head head;
    uint64_t end_offset = 0;
    uint64_t end_number = 0;
    uint32_t end_crc = 0;
    bool scanned = false; ///< part of the unbroken chain
  };
  /// One record's (or backlog message's) share of a queue.
  struct counted {
    seqno first = 0;
    uint32_t count = 0;
    uint32_t offset = 0;
    uint64_t body_bytes = 0;
    message_facts facts;
    const segment_file* segment = nullptr; ///< null: the backlog
  };

  /// Where the chain of records ends, or has a gap.
  struct hole {
    uint32_t sequence = 0;
    uint64_t number = 0; ///< of the first record that is not there
    std::string text;    ///< names file and offset
  };

  result<void> load_heads();
  result<void> scan_segments();
  result<void> scan_chain(uint32_t last_sequence);
  result<void> scan_one(found_segment& segment, const segment_head* following);
  result<void> search_unscanned();
  result<void> apply(const found_segment& segment, const record_head& head, uint32_t offset, std::string_view payload);
  result<void> apply_facts(const found_segment& segment, uint32_t offset, std::string_view payload);
  hole hole_at(const found_segment& segment) const;
  std::optional<hole> hole_in_manifest() const;
  void forget_page_outs();
  result<void> load_backlog();
  result<void> finish_segments();
  result<void> seal(found_segment& last);
  result<uint64_t> body_bytes(const counted& record, seq_range part) const;
  result<void> add_runs(const std::vector<counted>& records, seq_range part, bool redelivered,
                        std::vector<recovered_run>& to) const;

  segment_pool& pool_;
  backlog_store& backlog_;
  journal_index& index_;
  std::vector<segment_ref> blank_; ///< files without a valid head
  std::vector<found_segment> segments_;
  std::map<queue_id, range_set> settled_; ///< all that is said, for the backlog
  std::vector<manifest_entry> manifest_;  ///< of the newest segment
  std::set<uint32_t> retired_;
  std::map<queue_id, std::vector<counted>> counted_;
  std::optional<hole> end_; ///< where the chain stopped
  std::vector<std::string> notes_;
  std::vector<queue_facts> forgotten_;
  uint64_t evidence_ = 0; ///< every record below was synced, says a record
};

} // namespace broker
