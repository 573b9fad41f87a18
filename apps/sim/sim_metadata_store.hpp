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
  result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override;

private:
  result<void> append(const std::string& records);
  result<void> open();

  file_system& disk_;
  std::unique_ptr<file> file_;
  uint64_t end_ = 0;
};

} // namespace broker::sim
