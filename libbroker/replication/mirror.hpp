// A replica that follows a master: takes its appends, cuts off what the master does not have, acknowledges what is on
// its disk, takes a copy into an empty log (replication.md T6-T8, T16, T19). Part of replica, which owns the core.
#pragma once

#include <string>

#include "replication/core.hpp"

namespace broker::replication {

class mirror {
public:
  /// Messages of this epoch; the caller has fenced older ones off and entered newer epochs.
  void receive(replica_core& core, node_id from, const append& message, effects& out);
  void receive(replica_core& core, node_id from, const copy_begin& message, effects& out);
  void receive(replica_core& core, node_id from, const copy_chunk& message, effects& out);
  void receive(replica_core& core, node_id from, const start_over& message, effects& out);

  /// Something more is on disk.
  void written(const replica_core& core, effects& out) const;
  /// Another master, or none: whom to answer is not known any more.
  void new_epoch() noexcept { master_ = 0; }

  void describe(std::string& out) const;

private:
  void take(replica_core& core, const log_run& run, effects& out) const;
  void drop_from(replica_core& core, seqno at, effects& out) const;
  void acknowledge(const replica_core& core, effects& out) const;
  void copy_arrived(replica_core& core, effects& out) const;

  node_id master_ = 0; ///< who sent the last append of this epoch
};

} // namespace broker::replication
