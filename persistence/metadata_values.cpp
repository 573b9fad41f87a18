#include "metadata_values.hpp"

#include <utility>

#include "base/bytes.hpp"
#include "base/crc32c.hpp"

namespace broker::metadata_values {
namespace {

constexpr std::string_view log_prefix = "log/";
constexpr uint32_t mark_magic = 0x4d41524b; // "MARK"

/// Starts with room for the crc; `finish` fills it in.
class writer {
public:
  writer() { out_.put_u32(0); }
  byte_buffer& bytes() { return out_; }
  std::string finish() {
    store_u32(out_.data(), crc32c(out_.view().substr(4)));
    return std::string{out_.view()};
  }

private:
  byte_buffer out_;
};

/// Reads numbers off a value whose crc is right. Once something is missing, `ok` stays false and everything reads as 0.
class reader {
public:
  explicit reader(std::string_view bytes) : rest_(bytes) {
    const uint32_t crc = u32();
    ok_ = ok_ && crc == crc32c(rest_);
  }
  uint8_t u8() { return has(1) ? static_cast<uint8_t>(*take(1)) : 0; }
  uint32_t u32() { return has(4) ? load_u32(take(4)) : 0; }
  uint64_t u64() { return has(8) ? load_u64(take(8)) : 0; }
  std::string rest() { return ok_ ? std::string{std::exchange(rest_, {})} : std::string{}; }
  bool done() const { return ok_ && rest_.empty(); }
  size_t left() const { return rest_.size(); }

private:
  bool has(size_t count) { return ok_ = ok_ && rest_.size() >= count; }
  const char* take(size_t count) {
    const char* at = rest_.data();
    rest_.remove_prefix(count);
    return at;
  }

  std::string_view rest_;
  bool ok_ = true;
};

void put_nodes(byte_buffer& out, const std::vector<consensus::node_id>& nodes) {
  out.put_u32(static_cast<uint32_t>(nodes.size()));
  for (const consensus::node_id node : nodes)
    out.put_u64(node);
}

std::vector<consensus::node_id> take_nodes(reader& from) {
  std::vector<consensus::node_id> nodes;
  for (uint32_t count = from.u32(); count > 0 && from.left() >= 8; --count)
    nodes.push_back(from.u64());
  return nodes;
}

} // namespace

std::string log_key(uint64_t index) {
  std::string key{log_prefix};
  char number[8];
  store_u64(number, index);
  return key.append(number, sizeof number);
}

std::optional<uint64_t> parse_log_key(std::string_view key) {
  if (key.size() != log_prefix.size() + 8 || key.substr(0, log_prefix.size()) != log_prefix)
    return std::nullopt;
  return load_u64(key.data() + log_prefix.size());
}

std::string encode(const state_value& value) {
  writer out;
  out.bytes().put_u64(value.state.term);
  out.bytes().put_u64(value.state.vote);
  out.bytes().put_u64(value.batch);
  out.bytes().put_u64(value.last_index);
  return out.finish();
}

std::string encode(const snapshot_value& value) {
  writer out;
  out.bytes().put_u64(value.meta.index);
  out.bytes().put_u64(value.meta.term);
  out.bytes().put_u64(value.size);
  out.bytes().put_u32(value.crc);
  put_nodes(out.bytes(), value.meta.members.voters);
  put_nodes(out.bytes(), value.meta.members.learners);
  return out.finish();
}

std::string encode(const consensus::entry& value) {
  writer out;
  out.bytes().put_u64(value.index);
  out.bytes().put_u64(value.term);
  out.bytes().put_u8(static_cast<uint8_t>(value.type));
  out.bytes().put(value.data);
  return out.finish();
}

std::string encode(const metadata_identity& value) {
  writer out;
  out.bytes().put_u64(value.cluster);
  out.bytes().put_u64(value.self);
  out.bytes().put_u64(value.run);
  out.bytes().put_u8(value.joins ? 1 : 0);
  return out.finish();
}

std::string encode_mark(uint64_t batch) {
  writer out;
  out.bytes().put_u32(mark_magic);
  out.bytes().put_u64(batch);
  return out.finish();
}

std::optional<state_value> decode_state(std::string_view bytes) {
  reader from{bytes};
  state_value value;
  value.state.term = from.u64();
  value.state.vote = from.u64();
  value.batch = from.u64();
  value.last_index = from.u64();
  return from.done() ? std::optional{value} : std::nullopt;
}

std::optional<snapshot_value> decode_snapshot(std::string_view bytes) {
  reader from{bytes};
  snapshot_value value;
  value.meta.index = from.u64();
  value.meta.term = from.u64();
  value.size = from.u64();
  value.crc = from.u32();
  value.meta.members.voters = take_nodes(from);
  value.meta.members.learners = take_nodes(from);
  return from.done() ? std::optional{std::move(value)} : std::nullopt;
}

std::optional<consensus::entry> decode_entry(std::string_view bytes) {
  reader from{bytes};
  consensus::entry value;
  value.index = from.u64();
  value.term = from.u64();
  const uint8_t type = from.u8();
  value.type = static_cast<consensus::entry::kind>(type);
  value.data = from.rest();
  if (!from.done() || type > static_cast<uint8_t>(consensus::entry::kind::config))
    return std::nullopt;
  return value;
}

std::optional<metadata_identity> decode_identity(std::string_view bytes) {
  reader from{bytes};
  metadata_identity value;
  value.cluster = from.u64();
  value.self = from.u64();
  value.run = from.u64();
  const uint8_t joins = from.u8();
  value.joins = joins == 1;
  return from.done() && joins <= 1 && value.self != 0 ? std::optional{value} : std::nullopt;
}

std::optional<uint64_t> decode_mark(std::string_view bytes) {
  reader from{bytes};
  const uint32_t magic = from.u32();
  const uint64_t batch = from.u64();
  return from.done() && magic == mark_magic ? std::optional{batch} : std::nullopt;
}

} // namespace broker::metadata_values
