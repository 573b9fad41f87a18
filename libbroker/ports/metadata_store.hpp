// Port: durable state of the consensus group: term and vote, log, snapshots (architecture.md D11). Synchronous; called
// by the metadata actor's host in effects' order. Production is persistence/metadata_store (LevelDB, paranoid checks,
// own crc and dense index against silent loss: guarantees.md L1-L6); simulation keeps images that crash. A failed write
// ends the node (G6): errors here are for opening and reading only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "consensus/consensus.hpp"

namespace broker {

/// Whose store this is. Written before anything else.
struct metadata_identity {
  uint64_t cluster = 0;        ///< random number of the cluster: messages of another one are ignored
  consensus::node_id self = 0; ///< id in its group
  uint64_t run = 0;            ///< rises with each start
  bool joins = false;          ///< it is a member only once it has been told so: without a log it does nothing
  friend bool operator==(const metadata_identity&, const metadata_identity&) = default;
};

struct stored_metadata {
  consensus::hard_state state;
  std::optional<consensus::snapshot_meta> snapshot;
  std::string snapshot_data;
  std::vector<consensus::entry> log;         ///< dense, from snapshot index + 1 (or 1)
  std::optional<metadata_identity> identity; ///< empty: a new store, or one from before there were clusters
};

/// Bytes of a stored snapshot.
struct snapshot_part {
  uint64_t size = 0; ///< of the whole
  std::string bytes;
};

class metadata_store {
public:
  virtual ~metadata_store() = default;
  /// Everything stored. Errors name file and offset and mean: refuse to start, delete nothing (G7).
  virtual result<stored_metadata> load() = 0;
  /// Durable when it returns.
  virtual result<void> write_identity(const metadata_identity& who) = 0;
  /// Writes state, truncation and entries as one durable step: when it returns they are synced.
  virtual result<void> write(const std::optional<consensus::hard_state>& state, std::optional<uint64_t> truncate_from,
                             const std::vector<consensus::entry>& append) = 0;
  /// The slow half of store_snapshot for one's own snapshot: writes its bytes, durably. Nothing refers to them yet. May
  /// run on another thread beside every other call but store_snapshot. A store without a slow half does nothing here.
  virtual result<void> prepare_snapshot(const consensus::snapshot_meta&, std::string_view) { return {}; }
  /// Stores a snapshot durably (file first, unless it is prepared; pointer after); the log up to meta.index
  /// is of no interest from then on: load() does not give it, whenever its bytes go.
  virtual result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) = 0;
  /// The slow half of install_snapshot, as prepare_snapshot is of store_snapshot. May run on another thread beside
  /// every other call but install_snapshot.
  virtual result<void> prepare_install(const consensus::snapshot_meta&, std::string_view) { return {}; }
  /// Stores a snapshot that was received, durably, and drops the *whole* log: pointer and log change in one step, so
  /// that no crash leaves a log beside a snapshot it does not belong to.
  virtual result<void> install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) = 0;
  /// Bytes of the newest snapshot, from `offset` on; nullopt: it is not that one (any more).
  virtual result<std::optional<snapshot_part>> read_snapshot(uint64_t index, uint64_t term, uint64_t offset,
                                                             size_t bytes_max) = 0;
};

} // namespace broker
