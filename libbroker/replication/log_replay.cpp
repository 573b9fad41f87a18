// How a log comes back from what was written of it. Nothing is believed that does not fit (G7).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/plant.hpp"
#include "replication/replica_log.hpp"

namespace broker::replication {

void replica_log::recovered(seqno committed) {
  BROKER_ASSERT(committed <= end_.seq, "only entries are committed");
  BROKER_ASSERT(copied_upto_ <= base_.seq, "a copy ends at its base");
  unsynced_.clear();
  last_write_ = 0;
  durable_ = copying_ ? 0 : end_.seq;
  committed_ = copying_ ? 0 : committed;
}

/// With bodies the chain is verified; without them the store has verified the record it came in.
result<void> replica_log::replay_append(const log_run& run) {
  if (run.first != end_.seq + 1)
    return error{0, "the log has a gap"};
  if (run.count == 0 || run.mastership == 0 || run.mastership < end_.mastership)
    return error{0, "an entry without a master, or of one before its time"};
  const dedupe_entry* known = dedupe_.find(run.from.channel);
  if (run.kind == entry_kind::forget && (known == nullptr || known->last != run.from.first))
    return error{0, "a channel is forgotten that is not known, or known otherwise"};
  const bool follows = run.from.channel.none() || run.from.prev == (known ? known->last : 0);
  if (!run.in_memory() && !follows)
    return error{0, "a publish that does not follow its channel's last"};
  if (run.in_memory() && chain_after(chain_, run) != run.chain)
    return error{0, "the crc chain of the log is broken"};
  take(run);
  while (!run.in_memory() && floor_ < end_.seq)
    give_up_body();
  return {};
}

result<void> replica_log::resume(const log_checkpoint& from) {
  const seqno start = from.base.end.seq;
  const auto rises = [](const epoch_start& a, const epoch_start& b) {
    return a.mastership >= b.mastership || a.first >= b.first;
  };
  if (std::adjacent_find(from.epochs.begin(), from.epochs.end(), rises) != from.epochs.end())
    return error{0, "the masterships of a checkpoint do not rise"};
  if (from.copied_upto > from.copy_base.seq || from.copy_base.seq > start || (from.copying && from.copy_base.seq == 0))
    return error{0, "the copy of a checkpoint ends elsewhere"};
  *this = {};
  for (const epoch_start& one : from.epochs)
    if (one.first <= start)
      epochs_.push_back(one);
  dedupe_ = from.base.dedupe;
  end_ = from.base.end;
  start_ = floor_ = start;
  chain_ = start_chain_ = from.base.chain;
  base_ = from.copy_base;
  copied_upto_ = from.copied_upto;
  copying_ = from.copying;
  emptied_at_ = from.emptied_at;
  for (const log_run& run : from.runs)
    if (auto taken = replay_append(run); !taken)
      return taken;
  if (epochs_ != from.epochs)
    return error{0, "the entries of a checkpoint are of other masterships"};
  return {};
}

result<void> replica_log::replay(const log_write& what) {
  writes unused;
  return std::visit(overloaded{
                      [&](const log_emptied& one) -> result<void> {
                        if (one.at < emptied_at_)
                          return error{0, "the log was emptied by an earlier incarnation"};
                        empty_out(one.at, unused);
                        return {};
                      },
                      [&](const log_appended& one) { return replay_append(one.run); },
                      [&](const log_truncated& one) -> result<void> {
                        if (one.from > end_.seq || one.from <= std::max(base_.seq, start_))
                          return error{0, "the log was cut off where it has nothing"};
                        truncate_to(one.from, chain_at(one.from - 1).value_or(one.chain));
                        return {};
                      },
                      [&](const log_copy_begun& one) -> result<void> {
                        if (end_.seq != 0 && !planted(plant::wipe_in_place))
                          return error{0, "a copy went into a log that was not empty"};
                        begin_copy(*one.base, unused);
                        return {};
                      },
                      [&](const log_copied& one) -> result<void> {
                        if (!copying_ || one.upto <= copied_upto_ || one.upto > base_.seq)
                          return error{0, "a piece of a copy out of place"};
                        add_copied({}, one.upto, unused);
                        return {};
                      },
                      [&](const log_copy_ended&) -> result<void> {
                        if (!copying_ || copied_upto_ != base_.seq)
                          return error{0, "a copy ended with a piece missing"};
                        end_copy(unused);
                        return {};
                      },
                      [](const log_forgotten&) -> result<void> { return {}; },
                    },
                    what.what);
}

} // namespace broker::replication
