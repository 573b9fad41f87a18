// ports/metadata_store.hpp on LevelDB, for the term, vote and log, and on a file for the snapshot (architecture.md
// D11).
//
// Layout below the store's folder:
//   db/                      LevelDB: "identity" (which node of which cluster), "state" (term, vote, batch number),
//                            "snapshot" (which file), "log/" + index
//   snapshot-<index>-<term>  the newest snapshot; perhaps one that was prepared and not taken
//   mark                     number of the last batch known to be synced, two slots
//
// LevelDB alone is not trusted (guarantees.md L1-L6): it is opened with paranoid checks, reads verify checksums, every
// value carries its own crc32c, the log behind the snapshot must be dense, and the batch number of `mark` uncovers a
// synced tail that LevelDB's recovery passes over without a word. After a failed write nothing more is written (L3).
// Damage is reported with the name of what is damaged and never repaired; no data is deleted (G7). (LevelDB itself,
// when it opens, moves what it has replayed from its log into a table and renews its log and manifest; tables, snapshot
// and mark stay.)
//
// Not thread-safe: one owner, and one thread at a time in prepare_snapshot.
#pragma once

#include <memory>
#include <string>

#include "ports/file_system.hpp"
#include "ports/metadata_store.hpp"

namespace broker {

class leveldb_metadata_store final : public metadata_store {
public:
  /// Opens the store in `folder` (relative to `files`), creating it if it is not there. `data_directory` is the
  /// absolute path of `files`' root, for LevelDB. `files` outlives the store.
  static result<std::unique_ptr<leveldb_metadata_store>> open(file_system& files, const std::string& data_directory,
                                                              const std::string& folder);
  ~leveldb_metadata_store() override;

  result<stored_metadata> load() override;
  result<void> write(const std::optional<consensus::hard_state>& state, std::optional<uint64_t> truncate_from,
                     const std::vector<consensus::entry>& append) override;
  result<void> write_identity(const metadata_identity& who) override;
  result<void> prepare_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<void> prepare_install(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<void> install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<std::optional<snapshot_part>> read_snapshot(uint64_t index, uint64_t term, uint64_t offset,
                                                     size_t bytes_max) override;

private:
  struct impl;
  explicit leveldb_metadata_store(std::unique_ptr<impl> what);

  std::unique_ptr<impl> impl_;
};

} // namespace broker
