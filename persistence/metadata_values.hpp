// How metadata_store writes its values: little records, each begun by the crc32c of the rest (guarantees.md G7).
// Numbers are big-endian, so that keys sort by index. Internal to metadata_store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/metadata_store.hpp"

namespace broker::metadata_values {

/// What the "state" key holds.
struct state_value {
  consensus::hard_state state;
  uint64_t batch = 0;      ///< number of the write that stored it, dense from 1
  uint64_t last_index = 0; ///< of the log, or of the snapshot if the log is empty
};
/// What the "snapshot" key holds.
struct snapshot_value {
  consensus::snapshot_meta meta;
  uint64_t size = 0;
  uint32_t crc = 0; ///< crc32c of the file
};

std::string log_key(uint64_t index);
/// The index in a log key, if it is one.
std::optional<uint64_t> parse_log_key(std::string_view key);

std::string encode(const state_value& value);
std::string encode(const snapshot_value& value);
std::string encode(const consensus::entry& value);
std::string encode(const metadata_identity& value);
/// The last batch known to be synced; one slot of the mark file.
std::string encode_mark(uint64_t batch);
inline constexpr size_t mark_slot_bytes = 16;

// Empty: the crc is wrong or the bytes are no such value.
std::optional<state_value> decode_state(std::string_view bytes);
std::optional<snapshot_value> decode_snapshot(std::string_view bytes);
std::optional<metadata_identity> decode_identity(std::string_view bytes);
std::optional<consensus::entry> decode_entry(std::string_view bytes);
std::optional<uint64_t> decode_mark(std::string_view bytes);

} // namespace broker::metadata_values
