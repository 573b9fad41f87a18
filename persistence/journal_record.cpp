#include "journal_record.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace broker {
namespace {

constexpr uint64_t segment_magic = 0x57415252454e4a31u; // "WARRENJ1"
constexpr size_t segment_head_copy_bytes = 40;
constexpr size_t segment_head_copies[] = {0, 2048};

constexpr size_t facts_entry_bytes = 24;
constexpr size_t manifest_entry_bytes = 20;

void store_segment_copy(char* at, const segment_head& head) noexcept {
  store_u64(at + 4, segment_magic);
  store_u32(at + 12, head.sequence);
  store_u64(at + 16, head.salt);
  store_u64(at + 24, head.first_number);
  store_u32(at + 32, head.previous);
  store_u32(at + 36, 0);
  store_u32(at, crc32c({at + 4, segment_head_copy_bytes - 4}));
}

bool all_zero(std::string_view bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

} // namespace

uint32_t record_seed(uint64_t salt) noexcept {
  char bytes[8];
  store_u64(bytes, salt);
  return crc32c({bytes, sizeof bytes});
}

uint64_t packed(message_facts facts) noexcept {
  BROKER_ASSERT(facts.deadline_ms <= message_facts::deadline_max_ms, "a deadline beyond what the format holds");
  return facts.deadline_ms << 8 | facts.priority;
}

message_facts unpacked_facts(uint64_t bits) noexcept {
  return {bits >> 8, static_cast<uint8_t>(bits & 0xff)};
}

void store_record_head(char* at, const record_head& head) noexcept {
  store_u32(at, head.crc);
  store_u32(at + 4, head.length);
  store_u32(at + 8, head.salt);
  store_u32(at + 12, static_cast<uint32_t>(head.kind));
  store_u64(at + 16, head.queue);
  store_u64(at + 24, head.first);
  store_u64(at + 32, head.number);
  store_u64(at + 40, head.synced);
  store_u64(at + 48, head.body_bytes);
  store_u32(at + 56, head.count);
  store_u32(at + 60, head.previous);
  store_u64(at + 64, packed(head.facts));
}

std::optional<record_head> load_record_head(std::string_view bytes, uint64_t salt) noexcept {
  if (bytes.size() < record_head_bytes)
    return std::nullopt;
  const char* at = bytes.data();
  const uint32_t kind = load_u32(at + 12);
  record_head head{load_u32(at),      load_u32(at + 4),  load_u32(at + 8),  static_cast<record_kind>(kind),
                   load_u32(at + 56), load_u64(at + 16), load_u64(at + 24), load_u64(at + 32),
                   load_u64(at + 40), load_u64(at + 48), load_u32(at + 60), unpacked_facts(load_u64(at + 64))};
  const bool plausible = head.salt == static_cast<uint32_t>(salt) && kind >= 1
                      && kind <= static_cast<uint32_t>(record_kind::log) && head.length <= record_payload_max_bytes;
  return plausible ? std::optional(head) : std::nullopt;
}

bool record_intact(std::string_view record, uint64_t salt) noexcept {
  return record.size() >= record_head_bytes && load_u32(record.data()) == crc32c(record.substr(4), record_seed(salt));
}

void store_segment_head(char* at, const segment_head& head) noexcept {
  std::memset(at, 0, segment_head_bytes);
  for (const size_t copy : segment_head_copies)
    store_segment_copy(at + copy, head);
}

loaded_segment_head load_segment_head(std::string_view bytes) noexcept {
  if (bytes.size() < segment_head_bytes)
    return {};
  size_t broken = 0;
  for (const size_t copy : segment_head_copies) {
    const std::string_view part = bytes.substr(copy, segment_head_copy_bytes);
    const char* at = part.data();
    if (load_u64(at + 4) == segment_magic && load_u32(at) == crc32c(part.substr(4)))
      return {head_state::valid, {load_u32(at + 12), load_u64(at + 16), load_u64(at + 24), load_u32(at + 32)}};
    broken += all_zero(part) ? 0 : 1;
  }
  return {broken == std::size(segment_head_copies) ? head_state::damaged : head_state::unused, {}};
}

void put_facts(byte_buffer& into, const queue_facts& facts) {
  into.put_u64(facts.queue);
  into.put_u64(facts.delivered);
  into.put_u32(facts.dropped ? 1 : 0);
  into.put_u32(static_cast<uint32_t>(facts.settled.size()));
  for (const auto& range : facts.settled) {
    into.put_u64(range.first);
    into.put_u64(range.last);
  }
}

bool parse_facts(std::string_view payload, const std::function<void(queue_facts&)>& each) {
  queue_facts facts;
  while (!payload.empty()) {
    if (payload.size() < facts_entry_bytes)
      return false;
    const char* at = payload.data();
    const uint32_t ranges = load_u32(at + 20);
    payload.remove_prefix(facts_entry_bytes);
    if (payload.size() / 16 < ranges)
      return false;
    facts = {load_u64(at), load_u32(at + 16) != 0, load_u64(at + 8), {}};
    facts.settled.reserve(ranges);
    for (uint32_t i = 0; i < ranges; ++i, payload.remove_prefix(16)) {
      const seq_range range{load_u64(payload.data()), load_u64(payload.data() + 8)};
      if (range.first >= range.last)
        return false;
      facts.settled.push_back(range);
    }
    each(facts);
  }
  return true;
}

void put_manifest(byte_buffer& into, const std::vector<manifest_entry>& entries) {
  for (const auto& entry : entries) {
    into.put_u32(entry.sequence);
    into.put_u64(entry.first_number);
    into.put_u64(entry.end_number);
  }
}

bool parse_manifest(std::string_view payload, std::vector<manifest_entry>& into) {
  if (payload.size() % manifest_entry_bytes != 0)
    return false;
  for (; !payload.empty(); payload.remove_prefix(manifest_entry_bytes))
    into.push_back({load_u32(payload.data()), load_u64(payload.data() + 4), load_u64(payload.data() + 12)});
  return true;
}

} // namespace broker
