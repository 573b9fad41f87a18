// A metadata_store for simulation: one append-only file on the simulated disk, synced at every write, its torn tail cut
// at the next load. (LevelDB, which production uses, has threads of its own and is tested by itself.)
#pragma once

#include <memory>

#include "ports/file_system.hpp"
#include "ports/metadata_store.hpp"

namespace broker::sim {

class sim_metadata_store final : public metadata_store {
public:
  /// `disk` outlives the store.
  explicit sim_metadata_store(file_system& disk) : disk_(disk) {}

  result<stored_metadata> load() override;
  result<void> write(const std::optional<consensus::hard_state>& state, std::optional<uint64_t> truncate_from,
                     const std::vector<consensus::entry>& append) override;
  result<void> write_identity(const metadata_identity& who) override;
  result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<void> install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;
  result<std::optional<snapshot_part>> read_snapshot(uint64_t index, uint64_t term, uint64_t offset,
                                                     size_t bytes_max) override;

private:
  result<void> append(const std::string& records);
  result<void> put_snapshot(const consensus::snapshot_meta& meta, std::string_view data, bool received);
  result<void> open();

  file_system& disk_;
  std::unique_ptr<file> file_;
  uint64_t end_ = 0;
  consensus::snapshot_meta newest_; ///< the snapshot that read_snapshot knows; its bytes lie in the file
  uint64_t newest_at_ = 0;
  uint64_t newest_bytes_ = 0;
};

} // namespace broker::sim
