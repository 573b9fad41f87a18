// Turns appends and facts into records and writes them: one gathered write for up to a megabyte, one sync for all of
// it. Single-threaded; what it has written is told to the index by its owner afterwards (`take_report`), so that
// readers never see a place before its bytes are there. Every error is final: the caller ends the node (guarantees.md
// G6).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "journal_index.hpp"
#include "segment_pool.hpp"

namespace broker {

class journal_writer {
public:
  /// Bytes and parts collected before a write is issued.
  static constexpr size_t write_bytes = 1024 * 1024;
  static constexpr size_t write_parts = 512;
  /// Messages at least this large are written from where they are; smaller ones are copied together first.
  static constexpr size_t gather_bytes = 4096;

  /// Where the chain of records goes on.
  struct position {
    uint32_t sequence = 0; ///< of the last segment used
    uint64_t number = 1;   ///< of the next record
    uint32_t previous = 0; ///< checksum of the last record
  };
  /// What the index has to learn, in this order.
  struct report {
    std::vector<std::pair<segment_ref, uint64_t>> opened; ///< with the first record number
    std::vector<std::pair<queue_id, extent>> placed;
    std::vector<std::pair<uint32_t, queue_facts>> noted; ///< with the segment they are in
    std::vector<std::pair<queue_id, log_place>> logged;
    std::vector<manifest_entry> closed;
  };

  /// `retained` names the closed segments that are in use (for manifests).
  journal_writer(segment_pool& pool, random_source salts, position start,
                 std::function<std::vector<manifest_entry>()> retained);

  result<void> add_messages(queue_id queue, const publish_batch& batch, slice where, seqno first, bool durable,
                            message_facts facts);
  result<void> add_facts(std::vector<queue_facts> facts);
  /// `number`: of the record in the log of the queue's replica.
  result<void> add_log(queue_id queue, uint64_t number, std::string_view record, bool begins_anew);
  result<void> add_retire(uint32_t sequence);
  /// Writes down what is synced by now: without a later record the last sync has no witness.
  result<void> add_mark();
  /// Hands everything collected to the operating system.
  result<void> flush();
  /// Makes everything flushed durable.
  result<void> sync();

  report take_report() { return std::exchange(report_, {}); }
  uint64_t next_number() const noexcept { return number_; }
  uint64_t synced_number() const noexcept { return synced_; }
  /// The highest `synced` written into a record.
  uint64_t witnessed_number() const noexcept { return witnessed_; }
  /// True once anything was written.
  bool used() const noexcept { return current_ != nullptr; }

private:
  struct part {
    const char* external; ///< null: `size` bytes of staged_
    size_t size;
  };

  result<void> make_room(uint64_t payload);
  result<void> rotate();
  /// Stages a head whose payload follows; returns where it is.
  size_t begin_record(record_head& head);
  void stage_external(std::string_view bytes);
  void end_record(size_t at, const record_head& head);
  result<void> add_small(record_head head, std::string_view payload);
  result<void> flush_if_much();
  result<void> add_fact_record(std::vector<queue_facts>& facts);

  segment_pool& pool_;
  random_source salts_;
  std::function<std::vector<manifest_entry>()> retained_;
  report report_;

  segment_ref current_;
  std::vector<segment_ref> dirty_; ///< written since they were last synced
  uint32_t sequence_;
  uint64_t segment_first_ = 0; ///< number of the segment's first record
  uint64_t number_;
  uint32_t previous_;
  uint64_t synced_;
  uint64_t flushed_;
  uint64_t witnessed_ = 0;

  uint64_t offset_ = 0;       ///< where the next record goes
  uint64_t write_offset_ = 0; ///< where the collected bytes go
  bool fresh_ = false;        ///< the segment holds nothing but its manifest
  byte_buffer staged_;
  std::vector<part> parts_;
  size_t collected_ = 0;
  size_t covered_ = 0; ///< staged bytes that are in parts_ already
  size_t summed_ = 0;  ///< staged bytes of the open record that are in sum_ already
  uint32_t sum_ = 0;
};

} // namespace broker
