#include "sim_metadata_store.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/crc32c.hpp"

namespace broker::sim {

namespace {

constexpr std::string_view path = "metadata";
constexpr size_t head_bytes = 9; // length, checksum, kind of record

enum class record : uint8_t { state = 1, truncate, entry, snapshot, identity, installed };

void put_record(std::string& out, record what, const byte_buffer& content) {
  byte_buffer head;
  head.put_u32(static_cast<uint32_t>(content.size()));
  head.put_u32(crc32c(content.view(), static_cast<uint32_t>(what)));
  head.put_u8(static_cast<uint8_t>(what));
  out.append(head.view()).append(content.view());
}

void put_members(byte_buffer& out, const std::vector<consensus::node_id>& nodes) {
  out.put_u32(static_cast<uint32_t>(nodes.size()));
  for (auto node : nodes)
    out.put_u64(node);
}

std::vector<consensus::node_id> take_members(std::string_view& bytes) {
  std::vector<consensus::node_id> nodes(load_u32(bytes.data()));
  bytes.remove_prefix(4);
  for (auto& node : nodes) {
    node = load_u64(bytes.data());
    bytes.remove_prefix(8);
  }
  return nodes;
}

void drop_log(stored_metadata& into, uint64_t from, uint64_t before) {
  std::erase_if(into.log, [&](const consensus::entry& each) { return each.index >= from && each.index < before; });
}

void apply(stored_metadata& into, record what, std::string_view bytes) {
  switch (what) {
  case record::state:
    into.state = {load_u64(bytes.data()), load_u64(bytes.data() + 8)};
    break;
  case record::truncate:
    drop_log(into, load_u64(bytes.data()), UINT64_MAX);
    break;
  case record::entry:
    into.log.push_back({load_u64(bytes.data()), load_u64(bytes.data() + 8),
                        static_cast<consensus::entry::kind>(bytes[16]), std::string{bytes.substr(17)}});
    break;
  case record::identity:
    into.identity = {load_u64(bytes.data()), load_u64(bytes.data() + 8), load_u64(bytes.data() + 16), bytes[24] != 0};
    break;
  case record::installed:
    into.log.clear();
    [[fallthrough]];
  case record::snapshot: {
    consensus::snapshot_meta meta;
    meta.index = load_u64(bytes.data());
    meta.term = load_u64(bytes.data() + 8);
    bytes.remove_prefix(16);
    meta.members.voters = take_members(bytes);
    meta.members.learners = take_members(bytes);
    into.snapshot = meta;
    into.snapshot_data = bytes;
    drop_log(into, 0, meta.index + 1);
    break;
  }
  }
}

} // namespace

result<void> sim_metadata_store::open() {
  auto opened = disk_.open(path, true);
  if (!opened)
    return opened.error();
  file_ = std::move(*opened);
  return disk_.sync_directory("");
}

result<stored_metadata> sim_metadata_store::load() {
  if (auto opened = open(); !opened)
    return opened.error();
  auto size = file_->size();
  if (!size)
    return size.error();
  std::string bytes(*size, '\0');
  auto count = file_->read(0, bytes);
  if (!count)
    return count.error();
  stored_metadata found;
  std::string_view rest = bytes;
  while (rest.size() >= head_bytes) {
    const auto length = load_u32(rest.data());
    const auto what = static_cast<uint8_t>(rest[8]);
    if (rest.size() - head_bytes < length)
      break;
    const auto content = rest.substr(head_bytes, length);
    if (crc32c(content, what) != load_u32(rest.data() + 4))
      break;
    apply(found, static_cast<record>(what), content);
    rest.remove_prefix(head_bytes + length);
    if (what == static_cast<uint8_t>(record::snapshot) || what == static_cast<uint8_t>(record::installed)) {
      newest_ = *found.snapshot;
      newest_bytes_ = found.snapshot_data.size();
      newest_at_ = bytes.size() - rest.size() - newest_bytes_;
    }
  }
  end_ = bytes.size() - rest.size();
  if (auto cut = file_->truncate(end_); !cut) // what was torn was never answered
    return cut.error();
  if (auto synced = file_->sync(); !synced)
    return synced.error();
  return found;
}

result<void> sim_metadata_store::append(const std::string& records) {
  const std::string_view parts[] = {records};
  if (auto written = file_->write(end_, parts); !written)
    return written;
  end_ += records.size();
  return file_->sync();
}

result<void> sim_metadata_store::write(const std::optional<consensus::hard_state>& state,
                                       std::optional<uint64_t> truncate_from,
                                       const std::vector<consensus::entry>& entries) {
  std::string records;
  if (state) {
    byte_buffer content;
    content.put_u64(state->term);
    content.put_u64(state->vote);
    put_record(records, record::state, content);
  }
  if (truncate_from) {
    byte_buffer content;
    content.put_u64(*truncate_from);
    put_record(records, record::truncate, content);
  }
  for (const auto& each : entries) {
    byte_buffer content;
    content.put_u64(each.index);
    content.put_u64(each.term);
    content.put_u8(static_cast<uint8_t>(each.type));
    content.put(each.data);
    put_record(records, record::entry, content);
  }
  return append(records);
}

result<void> sim_metadata_store::write_identity(const metadata_identity& who) {
  byte_buffer content;
  content.put_u64(who.cluster);
  content.put_u64(who.self);
  content.put_u64(who.run);
  content.put_u8(who.joins ? 1 : 0);
  std::string records;
  put_record(records, record::identity, content);
  return append(records);
}

result<void> sim_metadata_store::store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) {
  return put_snapshot(meta, data, false);
}

result<void> sim_metadata_store::install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) {
  return put_snapshot(meta, data, true);
}

result<void> sim_metadata_store::put_snapshot(const consensus::snapshot_meta& meta, std::string_view data,
                                              bool received) {
  byte_buffer content;
  content.put_u64(meta.index);
  content.put_u64(meta.term);
  put_members(content, meta.members.voters);
  put_members(content, meta.members.learners);
  content.put(data);
  std::string records;
  put_record(records, received ? record::installed : record::snapshot, content);
  if (auto done = append(records); !done)
    return done;
  newest_ = meta;
  newest_bytes_ = data.size();
  newest_at_ = end_ - newest_bytes_;
  return {};
}

result<std::optional<snapshot_part>> sim_metadata_store::read_snapshot(uint64_t index, uint64_t term, uint64_t offset,
                                                                       size_t bytes_max) {
  if (index == 0 || index != newest_.index || term != newest_.term || offset > newest_bytes_)
    return std::optional<snapshot_part>{};
  snapshot_part part{newest_bytes_, std::string(std::min<uint64_t>(bytes_max, newest_bytes_ - offset), '\0')};
  const auto got = file_->read(newest_at_ + offset, part.bytes);
  if (!got)
    return got.error();
  return std::optional<snapshot_part>{std::move(part)};
}

} // namespace broker::sim
