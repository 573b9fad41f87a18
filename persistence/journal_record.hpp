// The journal's format, version 1 (docs/internals/storage.md). A segment file is a 4 KiB head and then records, each
// padded to 8 bytes. All numbers are big-endian.
//
// The checksum of a record starts from the salt of its segment's present use, so what an earlier use left behind never
// counts as a record. Records are numbered densely over all segments and name their predecessor's checksum: a gap or an
// exchange is visible. Each also names the last record known to be synced when it was written: a record that is missing
// although a later one calls it synced is damage; otherwise it is a tail that a crash has torn (guarantees.md G7).
// Pure functions over bytes; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/message_payload.hpp"
#include "ports/message_store.hpp"

namespace broker {

inline constexpr size_t segment_head_bytes = 4096;
inline constexpr size_t record_head_bytes = 72;
/// Payload of a record; only a single larger message makes a larger one.
inline constexpr size_t record_payload_bytes = 1024 * 1024;
/// No record of this version is larger: one message of the hard limit plus frames.
inline constexpr uint32_t record_payload_max_bytes = 1024u * 1024 * 1024;

enum class record_kind : uint8_t {
  messages = 1, ///< a run of messages that recovery finds again
  page_out = 2, ///< a run of transient messages: only for reading back
  facts = 3,    ///< settled ranges, delivery watermarks, dropped queues
  manifest = 4, ///< first record of a segment: the older segments that must exist, with their ends
  retire = 5,   ///< `first` is the sequence of a segment that is no longer needed
  mark = 6,     ///< nothing but its `synced`; also seals a segment when the store is opened
  log = 7,      ///< a record of a replica's log: `first` is its number, `count` 1 if the log begins anew with it
};

struct record_head {
  uint32_t crc = 0;    ///< over everything behind it up to the end of the payload
  uint32_t length = 0; ///< payload bytes
  uint32_t salt = 0;   ///< low half of the segment's salt: finds records behind damage
  record_kind kind = record_kind::mark;
  uint32_t count = 0; ///< messages
  queue_id queue = 0;
  seqno first = 0;
  uint64_t number = 0; ///< dense over all segments
  uint64_t synced = 0; ///< every record below this number was synced when this one was written
  uint64_t body_bytes = 0;
  uint32_t previous = 0; ///< checksum of record number - 1
  message_facts facts;   ///< of every message of the record

  /// Bytes in the file, padding included.
  uint64_t size() const noexcept { return (record_head_bytes + uint64_t{length} + 7) & ~uint64_t{7}; }
};

/// Start value of the checksums of a segment's records.
uint32_t record_seed(uint64_t salt) noexcept;
/// Facts in 8 bytes: the deadline in the upper 56 bits, the priority in the lowest 8. All zero: nothing is special.
uint64_t packed(message_facts facts) noexcept;
message_facts unpacked_facts(uint64_t bits) noexcept;

/// Writes the head without its checksum (the caller sums the payload on the way).
void store_record_head(char* at, const record_head& head) noexcept;
/// Reads a head; nothing is verified except that it may be one: known kind, sane length, the salt.
std::optional<record_head> load_record_head(std::string_view bytes, uint64_t salt) noexcept;
/// True when `record` (head and payload) has the checksum its head names.
bool record_intact(std::string_view record, uint64_t salt) noexcept;

// -- segment head
// -------------------------------------------------------------------------------------------------------

struct segment_head {
  uint32_t sequence = 0; ///< rises with every use of any segment; from 1
  uint64_t salt = 0;
  uint64_t first_number = 0;
  uint32_t previous = 0; ///< checksum of the record before first_number
};
enum class head_state { valid, unused, damaged };
struct loaded_segment_head {
  head_state state = head_state::unused;
  segment_head head;
};

/// Two copies in different sectors, so that one flipped bit does not hide a segment.
void store_segment_head(char* at, const segment_head& head) noexcept;
/// Both copies broken is damage; a broken one beside an empty one is a use that never reached the disk.
loaded_segment_head load_segment_head(std::string_view bytes) noexcept;

// -- payloads
// -----------------------------------------------------------------------------------------------------------

/// What a facts record tells of one queue.
struct queue_facts {
  queue_id queue = 0;
  bool dropped = false;
  seqno delivered = 0; ///< 0: nothing said
  std::vector<seq_range> settled;
};
void put_facts(byte_buffer& into, const queue_facts& facts);
/// False: not a valid payload.
bool parse_facts(std::string_view payload, const std::function<void(queue_facts&)>& each);

/// A closed segment as a manifest lists it.
struct manifest_entry {
  uint32_t sequence = 0;
  uint64_t first_number = 0;
  uint64_t end_number = 0; ///< number after its last record
};
void put_manifest(byte_buffer& into, const std::vector<manifest_entry>& entries);
bool parse_manifest(std::string_view payload, std::vector<manifest_entry>& into);

} // namespace broker
