// What a replica's log is on disk: records for message_store::log, in order. The messages of an entry are not in them:
// they are appended to the store before the record that tells of them, which is only found if they are. Format,
// version 1, all numbers big-endian: docs/internals/storage.md.
//
// A record of a run carries what a recovered log must know of it without its bodies: bounds, mastership, size, origin
// (de-duplication), facts, the chain at its end, and the offset of its messages' numbers in the store
// (log_numbers.hpp). Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "replication/log_numbers.hpp"
#include "replication/log_write.hpp"

namespace broker::replication {

/// Everything that was logged before it, so that no earlier record is kept.
struct stored_checkpoint {
  log_checkpoint log;
  std::vector<number_piece> pieces;
  /// First stored number that was never used. The store may know less: it is not told of numbers that settles took,
  /// nor, before a crash, of `settled`.
  seqno next = 1;
  /// Stored numbers of messages that have been settled; that may not be on disk yet.
  std::vector<seq_range> settled;
};

struct log_record {
  std::variant<log_emptied, log_appended, log_truncated, log_copy_begun, log_copied, log_copy_ended, stored_checkpoint>
    what;
  uint64_t offset = 0; ///< appended, copy begun: entry + offset = stored number
};

/// `what` is anything but log_forgotten, which is no record but a settle.
std::string encode_record(const log_write& what, uint64_t offset);
std::string encode_record(const stored_checkpoint& what);
/// Error: not such a record. Whatever replica_log and log_numbers assert of one is checked there or here.
result<log_record> decode_record(std::string_view bytes);

} // namespace broker::replication
