// The backlog on LevelDB. Key: queue id, sequence number, both big-endian, so that a queue's messages are one ordered
// range. LevelDB's own defaults would hide damage (guarantees.md L1, L4): paranoid checks and verified checksums are
// on, and each value carries its own checksum. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "backlog_store.hpp"

namespace leveldb {
class DB;
}

namespace broker {

class leveldb_backlog final : public backlog_store {
public:
  /// Opens or creates the database in `directory` (a path of the host, mode 0700).
  static result<std::unique_ptr<leveldb_backlog>> open(const std::string& directory);
  ~leveldb_backlog() override;

  result<void> put(std::span<const entry> entries, bool sync) override;
  result<void> erase(queue_id queue, std::span<const seq_range> gone) override;
  result<void> erase_queue(queue_id queue) override;
  result<void> sync() override;
  result<void> read(queue_id queue, seq_range range, const visitor& each) override;
  result<void> scan(const visitor& each) override;

private:
  explicit leveldb_backlog(std::unique_ptr<leveldb::DB> database);
  result<void> visit(std::string_view from, std::string_view before, const visitor& each);

  std::unique_ptr<leveldb::DB> database_;
};

} // namespace broker
