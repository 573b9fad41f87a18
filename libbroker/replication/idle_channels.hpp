// Channels that publish nothing any more, so that a log need not know them for ever (G2, T4). A channel that ends says
// so to the master; if the master is away just then, nobody says it again, and the entry would stay. So the master
// looks now and then, and forgets who has published nothing since its last look. A channel that lives after all is
// answered with a gap at its next publish, and begins its chain anew.
//
// Safe if looks are further apart than any channel may take to send a publish again
// (limits::replication_channel_idle_ms): a publish whose number is forgotten would be stored twice. A value, reads no
// clock.
#pragma once

#include <vector>

#include "replication/dedupe_table.hpp"

namespace broker::replication {

class idle_channels {
public:
  /// Those of `table` that had the same last publish at the look before; at most `most`.
  std::vector<channel_id> look(const dedupe_table& table, size_t most);
  /// The last look left some out: look again soon.
  bool more() const noexcept { return more_; }

private:
  std::vector<dedupe_entry> before_; ///< rising by channel
  bool more_ = false;
};

} // namespace broker::replication
