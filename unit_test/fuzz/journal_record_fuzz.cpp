// libFuzzer target: everything the journal parses from disk. The first byte chooses the parser. Nothing may crash, and
// what parses must survive being looked at.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backlog_store.hpp"
#include "base/assert.hpp"
#include "journal_record.hpp"

using namespace broker;

namespace {

void look_at(const std::vector<message>& messages) {
  for (const message& each : messages) {
    BROKER_ASSERT(each.exchange().size() + each.routing_key().size() + 2 == each.names_size, "names fill their bytes");
    BROKER_ASSERT(each.property_bytes().size() < each.raw_size, "properties lie inside the message");
  }
}

void fuzz_record(std::string_view bytes) {
  if (bytes.size() < 12)
    return;
  const uint64_t salt = load_u32(bytes.data() + 8);
  const auto head = load_record_head(bytes, salt);
  if (!head)
    return;
  BROKER_ASSERT(head->size() % 8 == 0, "records are padded");
  BROKER_ASSERT(unpacked_facts(packed(head->facts)) == head->facts, "facts fit their eight bytes");
  record_intact(bytes.substr(0, std::min<size_t>(bytes.size(), record_head_bytes + head->length)), salt);
  std::vector<message> messages;
  if (parse_messages(bytes.substr(record_head_bytes), head->count, messages))
    look_at(messages);
}

void fuzz_facts(std::string_view bytes) {
  parse_facts(bytes, [](queue_facts& facts) {
    for (const auto& range : facts.settled)
      BROKER_ASSERT(range.first < range.last, "ranges are not empty");
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  std::vector<manifest_entry> entries;
  switch (data[0] % 5) {
  case 0:
    fuzz_record(bytes);
    break;
  case 1:
    fuzz_facts(bytes);
    break;
  case 2:
    parse_manifest(bytes, entries);
    break;
  case 3:
    load_segment_head(bytes);
    break;
  default:
    if (auto value = decode_backlog_value(1, 1, bytes)) {
      look_at({value->content});
      BROKER_ASSERT(encode_backlog_value(1, 1, value->content, value->transient, value->facts).size() == bytes.size(),
                    "a backlog value is written as it was read");
    }
  }
  return 0;
}
