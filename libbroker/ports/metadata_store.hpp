// Port: durable state of the consensus group: term and vote, log, snapshots (architecture.md D11). Synchronous; called
// by the metadata actor's host in effects' order. Production is persistence/metadata_store (LevelDB, paranoid checks,
// own crc and dense index against silent loss: guarantees.md L1-L6); simulation keeps images that crash. A failed write
// ends the node (G6): errors here are for opening and reading only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "consensus/consensus.hpp"

namespace broker {

struct stored_metadata {
  consensus::hard_state state;
  std::optional<consensus::snapshot_meta> snapshot;
  std::string snapshot_data;
  std::vector<consensus::entry> log; ///< dense, from snapshot index + 1 (or 1)
};

class metadata_store {
public:
  virtual ~metadata_store() = default;
  /// Everything stored. Errors name file and offset and mean: refuse to start, delete nothing (G7).
  virtual result<stored_metadata> load() = 0;
  /// Writes state, truncation and entries as one durable step: when it returns they are synced.
  virtual result<void> write(const std::optional<consensus::hard_state>& state, std::optional<uint64_t> truncate_from,
                             const std::vector<consensus::entry>& append) = 0;
  /// Stores a snapshot durably (file first, pointer after), then drops the log up to meta.index.
  virtual result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) = 0;
};

} // namespace broker
