#include "backlog_store.hpp"
#include "base/crc32c.hpp"
#include "journal_record.hpp"

namespace broker {
namespace {

/// Checksum, 1 if transient, facts.
constexpr size_t value_head_bytes = 16;

uint32_t checksum(queue_id queue, seqno seq, std::string_view after_crc) {
  char key[16];
  store_u64(key, queue);
  store_u64(key + 8, seq);
  return crc32c(after_crc, crc32c({key, sizeof key}));
}

} // namespace

std::string encode_backlog_value(queue_id queue, seqno seq, const message& content, bool transient,
                                 message_facts facts) {
  std::string value(value_head_bytes + message_head_bytes, '\0');
  value.reserve(value.size() + content.names_size + content.raw_size);
  store_u32(value.data() + 4, transient ? 1 : 0);
  store_u64(value.data() + 8, packed(facts));
  store_message_head(value.data() + value_head_bytes,
                     {content.names_size, content.flags, content.raw_size, content.body_size, content.header_size});
  value.append(content.names, content.names_size);
  value.append(content.raw, content.raw_size);
  store_u32(value.data(), checksum(queue, seq, std::string_view(value).substr(4)));
  return value;
}

result<backlog_value> decode_backlog_value(queue_id queue, seqno seq, std::string_view value) {
  const std::string place = "backlog entry " + std::to_string(seq) + " of queue " + std::to_string(queue);
  if (value.size() < value_head_bytes || load_u32(value.data()) != checksum(queue, seq, value.substr(4)))
    return error{0, place + " is damaged: wrong checksum"};
  std::vector<message> parsed;
  if (!parse_messages(value.substr(value_head_bytes), 1, parsed))
    return error{0, place + " is damaged: wrong shape"};
  return backlog_value{load_u32(value.data() + 4) != 0, unpacked_facts(load_u64(value.data() + 8)), parsed.front()};
}

} // namespace broker
