#include "replication/core.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

bool replica_core::is_master() const {
  return known.queue.master == settings.self && known.queue.mastership == mastership
      && known.queue.lists({settings.self, inc}) && known.nodes.current_and_live({settings.self, inc});
}

void replica_core::advance_commit(seqno upto, effects& out) {
  BROKER_ASSERT(upto >= commit, "a commit never falls");
  BROKER_ASSERT(upto <= log.length(), "nothing is committed that is not there");
  BROKER_ASSERT(!log.copying() || planted(plant::ack_in_copy), "a log with a hole commits nothing");
  if (upto == commit)
    return;
  std::vector<seq_range> ended;
  for (seqno at = std::max(commit, log.described_floor()) + 1; at <= upto;) {
    const log_run& run = *log.find(at);
    if (run.ranges)
      ended.insert(ended.end(), run.ranges->begin(), run.ranges->end());
    if (planted(plant::purge_all) && run.kind == entry_kind::purge && !is_master())
      ended.assign(1, {1, run.first});
    at = run.last() + 1;
  }
  commit = upto;
  out.committed = upto;
  if (!ended.empty() && !planted(plant::forget_early))
    log.forget(std::move(ended), out.writes);
  log.trim(commit, settings.tail_bytes, settings.described_bytes);
}

void replica_core::enter(broker::epoch newer, effects& out) {
  BROKER_ASSERT(newer > mastership, "epochs only rise");
  BROKER_ASSERT(newer >= known.queue.mastership, "what is heard is at least what is known");
  mastership = newer;
  matched = 0;
  if (log.copying())
    log.empty_out(inc, out.writes);
  BROKER_ASSERT(!log.copying(), "half a copy is worth nothing to another master");
  if (planted(plant::hw_truncate) && log.length() > commit && log.can_truncate(commit + 1))
    log.truncate(commit + 1, out.writes);
}

} // namespace broker::replication
