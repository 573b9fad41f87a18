// Where every stored message is, without its body: per queue a sorted list of extents (32 bytes each; a run of messages
// that follow each other in one segment is one extent) and the settled ranges inside them; per segment what keeps it
// from being reused (docs/internals/storage.md, "Retirement").
//
// Facts about dead messages are kept as long as the segment they were appended to: recovery reads that segment again.
// Not thread-safe: journal_store guards it with one mutex and never holds that across input or output.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/ids.hpp"
#include "journal_record.hpp"
#include "ports/file_system.hpp"
#include "ports/message_store.hpp"
#include "range_set.hpp"

namespace broker {

/// A segment file in use. The file may be read while the writer appends to it.
struct segment_file {
  std::string path;
  std::unique_ptr<file> content;
  uint32_t sequence = 0;
  uint64_t salt = 0;
};
using segment_ref = std::shared_ptr<segment_file>;

/// Consecutive messages of a queue, one place. Dead ones included while their segment is kept.
struct extent {
  static constexpr uint32_t in_backlog = 0; ///< `segment` of messages that live in the backlog store

  seqno first = 0;
  uint32_t count = 0;
  uint32_t live = 0;
  uint32_t segment = 0; ///< sequence of the segment
  uint32_t offset = 0;  ///< of the first record
  uint32_t bytes = 0;   ///< up to the end of the last record; records of others may lie between
  bool transient = false;

  seqno last() const noexcept { return first + count; }
};
static_assert(sizeof(extent) == 32);

/// A record of a replica's log.
struct log_place {
  uint64_t number = 0;
  uint32_t segment = 0; ///< sequence of the segment
  uint32_t offset = 0;
  uint32_t bytes = 0; ///< with head and padding
  bool begins_anew = false;
};

/// Share of an extent's bytes that `count` of its messages stand for.
inline uint64_t share(const extent& where, uint64_t count) noexcept {
  return where.count == 0 ? 0 : uint64_t{where.bytes} * count / where.count;
}

/// A place to read from, with the parts of it that are alive and asked for.
struct read_piece {
  extent where;
  segment_ref segment; ///< null: the backlog
  std::vector<seq_range> live;
};

class journal_index {
public:
  /// Extents are merged up to this size, so that reading one message never costs more than this many bytes besides it.
  static constexpr uint32_t extent_bytes = 128 * 1024;
  /// Foreign records that may lie inside an extent.
  static constexpr uint32_t extent_gap_bytes = 4096;

  // -- segments --
  void open_segment(segment_ref opened, uint64_t first_number);
  /// No more records go to `sequence`; its last one has the number end_number - 1.
  void close_segment(uint32_t sequence, uint64_t end_number);
  std::vector<manifest_entry> closed_segments() const;
  /// Sequence of the closed segment to retire next, 0 when none qualifies. It holds less than a quarter of
  /// `segment_bytes` that is needed, messages and records of replicas' logs: one without live messages, else the
  /// sparsest, the latter only while more than `keep` segments exist.
  uint32_t retirement_candidate(uint64_t segment_bytes, size_t keep) const;
  /// What recovery still needs of the facts written in `sequence`, were it gone.
  std::vector<queue_facts> facts_to_carry(uint32_t sequence) const;
  /// A log's record and the file it is in.
  struct placed_log {
    queue_id queue = 0;
    log_place where;
    segment_ref segment;
  };
  /// Records of logs in `sequence` that recovery still needs.
  std::vector<placed_log> logs_to_carry(uint32_t sequence) const;
  /// Live messages of a segment, to be moved to the backlog.
  std::vector<std::pair<queue_id, read_piece>> survivors(uint32_t sequence) const;
  /// The messages of one of the survivors' pieces are in the backlog now. Returns which of them died meanwhile.
  std::vector<seq_range> moved_to_backlog(queue_id queue, const read_piece& moved);
  /// Forgets a segment without live messages and everything about its dead ones; returns its file.
  segment_ref forget_segment(uint32_t sequence);
  /// Its retirement is being written down: manifests no longer list it.
  void begin_retirement(uint32_t sequence) { segments_.at(sequence).retiring = true; }
  void pin(uint32_t sequence);
  void unpin(uint32_t sequence);
  bool pinned(uint32_t sequence) const;
  /// A segment with damage is never reused.
  void mark_damaged(uint32_t sequence);
  size_t segment_count() const { return segments_.size(); }
  uint64_t live_messages(uint32_t sequence) const;

  // -- queues --
  void add(queue_id queue, const extent& added);
  /// Recovery found this message in the backlog. False: a segment has it too, which is as good.
  bool add_backlog(queue_id queue, seqno seq, uint32_t bytes);
  /// `noted_in`: the segment the fact was written to. Settled backlog messages are appended to `backlog_gone`.
  void settle(queue_id queue, seq_range gone, uint32_t noted_in, std::vector<seq_range>& backlog_gone);
  void delivered(queue_id queue, seqno upto, uint32_t noted_in);
  /// True if the queue has messages in the backlog.
  bool drop(queue_id queue, uint32_t noted_in);
  bool dropped(queue_id queue) const { return dropped_.contains(queue); }
  /// Next places to read live messages of [from, before) from; stops after `max_bytes`. Pins their segments.
  std::vector<read_piece> plan_read(queue_id queue, seqno from, seqno before, size_t max_bytes);
  bool contains(queue_id queue, seqno seq) const;
  /// A record of the log of the queue's replica, or one that was written again because its segment is retired.
  void add_log(queue_id queue, const log_place& added);

  // -- recovery --
  std::vector<queue_id> queues() const;
  std::vector<queue_id> dropped_queues() const { return {dropped_.begin(), dropped_.end()}; }
  /// Every live extent of the queue with its live parts, rising.
  std::vector<read_piece> live_extents(queue_id queue) const;
  seqno next(queue_id queue) const;
  seqno delivered_upto(queue_id queue) const;
  /// The whole log of the queue's replica, in order.
  std::vector<placed_log> log_of(queue_id queue) const;
  /// Number of the next record of that log.
  uint64_t next_log(queue_id queue) const;
  /// Facts without messages (all settled or none yet) still hold `next` back from reuse.
  void note_next(queue_id queue, seqno next);
  /// Forgets extents of a segment that was retired but not yet wiped: its survivors are in the backlog.
  void disregard_segment(uint32_t sequence);

private:
  struct queue_content {
    std::deque<extent> extents; ///< by first, disjoint
    range_set dead;             ///< within the extents
    seqno next = 1;
    seqno delivered = 0;
    uint64_t live = 0;
    std::deque<log_place> log; ///< by number
    uint64_t next_log = 1;
  };
  struct segment_content {
    segment_ref file;
    uint64_t first_number = 0;
    uint64_t end_number = 0; ///< 0 while open
    uint64_t live_bytes = 0;
    uint64_t live = 0;
    uint64_t log_bytes = 0; ///< of log records that are needed
    uint32_t pins = 0;
    bool damaged = false;
    bool retiring = false;
    std::set<queue_id> appended; ///< queues with messages or log records here, dead or alive, dropped ones too
    std::map<queue_id, seq_range> settled;
    std::set<queue_id> delivered;
    std::set<queue_id> dropped;
  };

  static std::deque<extent>::iterator find(queue_content& content, seqno seq);
  static std::deque<extent>::const_iterator find(const queue_content& content, seqno seq);
  void account_dead(queue_content& content, extent& where, uint32_t count);
  void erase_extents(queue_id queue, uint32_t sequence);
  void forget_log(const log_place& gone);
  bool told_of_elsewhere(queue_id queue, uint32_t sequence) const;
  queue_facts carried_facts(queue_id queue, uint32_t sequence, const segment_content& noted) const;
  std::vector<seq_range> live_parts(const queue_content& content, const extent& where, seq_range within) const;

  std::map<queue_id, queue_content> queues_;
  std::set<queue_id> dropped_; ///< while a segment tells of them
  std::map<uint32_t, segment_content> segments_;
};

} // namespace broker
