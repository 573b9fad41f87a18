#include "leveldb_backlog.hpp"

#include <array>

#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <sys/stat.h>

namespace broker {
namespace {

constexpr size_t key_bytes = 16;
/// Deletions collected for one write.
constexpr size_t erase_batch = 4096;
using key = std::array<char, key_bytes>;

key make_key(queue_id queue, seqno seq) {
  key made;
  store_u64(made.data(), queue);
  store_u64(made.data() + 8, seq);
  return made;
}
leveldb::Slice slice_of(const key& from) {
  return {from.data(), from.size()};
}
leveldb::Slice slice_of(std::string_view from) {
  return {from.data(), from.size()};
}
result<void> outcome(const leveldb::Status& status) {
  return status.ok() ? result<void>{} : error{0, "backlog: " + status.ToString()};
}

/// Writes deletions in batches of bounded size.
class eraser {
public:
  explicit eraser(leveldb::DB& database) : database_(database) {}
  result<void> add(const leveldb::Slice& gone) {
    batch_.Delete(gone);
    return ++count_ < erase_batch ? result<void>{} : finish();
  }
  result<void> finish() {
    auto written = outcome(database_.Write({}, &batch_));
    batch_.Clear();
    count_ = 0;
    return written;
  }

private:
  leveldb::DB& database_;
  leveldb::WriteBatch batch_;
  size_t count_ = 0;
};

} // namespace

leveldb_backlog::leveldb_backlog(std::unique_ptr<leveldb::DB> database) : database_(std::move(database)) {}
leveldb_backlog::~leveldb_backlog() = default;

result<std::unique_ptr<leveldb_backlog>> leveldb_backlog::open(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return error{0, directory + ": cannot be created"};
  leveldb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.max_open_files = 200;
  options.write_buffer_size = 8 * 1024 * 1024;
  leveldb::DB* opened = nullptr;
  if (const auto status = leveldb::DB::Open(options, directory, &opened); !status.ok())
    return error{0, directory + ": " + status.ToString()};
  return std::unique_ptr<leveldb_backlog>(new leveldb_backlog(std::unique_ptr<leveldb::DB>(opened)));
}

result<void> leveldb_backlog::put(std::span<const entry> entries, bool sync) {
  if (entries.empty() && !sync)
    return {};
  leveldb::WriteBatch batch;
  for (const auto& each : entries)
    batch.Put(slice_of(make_key(each.queue, each.seq)), each.value);
  leveldb::WriteOptions options;
  options.sync = sync;
  return outcome(database_->Write(options, &batch));
}

result<void> leveldb_backlog::erase(queue_id queue, std::span<const seq_range> gone) {
  eraser erasing(*database_);
  for (const auto& range : gone)
    for (seqno seq = range.first; seq < range.last; ++seq)
      if (auto erased = erasing.add(slice_of(make_key(queue, seq))); !erased)
        return erased;
  return erasing.finish();
}

result<void> leveldb_backlog::erase_queue(queue_id queue) {
  eraser erasing(*database_);
  result<void> erased;
  auto visited = read(queue, {0, UINT64_MAX}, [&](queue_id, seqno seq, std::string_view) {
    erased = erasing.add(slice_of(make_key(queue, seq)));
    return erased.ok();
  });
  if (!visited)
    return visited;
  return erased ? erasing.finish() : erased;
}

result<void> leveldb_backlog::sync() {
  // An empty batch with sync: LevelDB syncs its log, and with it everything written before.
  return put({}, true);
}

result<void> leveldb_backlog::read(queue_id queue, seq_range range, const visitor& each) {
  const key from = make_key(queue, range.first);
  const key before = make_key(queue, range.last);
  return visit({from.data(), from.size()}, {before.data(), before.size()}, each);
}

result<void> leveldb_backlog::scan(const visitor& each) {
  return visit({}, {}, each);
}

result<void> leveldb_backlog::visit(std::string_view from, std::string_view before, const visitor& each) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(options));
  for (at->Seek(slice_of(from)); at->Valid(); at->Next()) {
    const std::string_view name{at->key().data(), at->key().size()};
    if (!before.empty() && name >= before)
      break;
    if (name.size() != key_bytes)
      return error{0, "backlog: a key of " + std::to_string(name.size()) + " bytes"};
    if (!each(load_u64(name.data()), load_u64(name.data() + 8), {at->value().data(), at->value().size()}))
      break;
  }
  return outcome(at->status());
}

} // namespace broker
