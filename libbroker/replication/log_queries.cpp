// What can be asked of a log.
#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"
#include "replication/plant.hpp"
#include "replication/replica_log.hpp"

namespace broker::replication {

size_t replica_log::index_of(seqno seq) const {
  BROKER_ASSERT(seq > start_ && seq <= end_.seq, "the entry's run is known");
  auto at = std::partition_point(runs_.begin(), runs_.end(), [seq](const log_run& one) { return one.last() < seq; });
  return static_cast<size_t>(at - runs_.begin());
}

const log_run* replica_log::find(seqno seq) const {
  return seq > start_ && seq <= end_.seq ? &runs_[index_of(seq)] : nullptr;
}

broker::epoch replica_log::mastership_at(seqno seq) const {
  BROKER_ASSERT(seq <= end_.seq, "the entry is in the log");
  auto behind =
    std::partition_point(epochs_.begin(), epochs_.end(), [seq](const epoch_start& one) { return one.first <= seq; });
  return behind == epochs_.begin() ? 0 : (behind - 1)->mastership;
}

bool replica_log::matches(log_position at) const {
  if (at.seq == 0)
    return true;
  if (at.seq > end_.seq)
    return false;
  const broker::epoch mine = mastership_at(at.seq);
  return mine == 0 || mine == at.mastership;
}

std::optional<uint32_t> replica_log::chain_at(seqno seq) const {
  if (seq == 0)
    return 0;
  if (seq == start_)
    return start_chain_;
  const log_run* run = find(seq);
  if (run == nullptr)
    return std::nullopt;
  if (run->last() == seq)
    return run->chain;
  if (!run->in_memory())
    return std::nullopt;
  const uint32_t before = run->first - 1 == start_ ? start_chain_ : runs_[index_of(run->first - 1)].chain;
  return chain_after(before, cut(*run, run->first, seq));
}

bool replica_log::can_truncate(seqno from) const {
  return from > known_committed() && from <= end_.seq && chain_at(from - 1).has_value();
}

log_base replica_log::base_at(seqno seq, seqno delivered_upto) const {
  BROKER_ASSERT(seq >= start_ && seq <= end_.seq, "the entries behind a base are known");
  log_base base;
  base.end = {mastership_at(seq), seq};
  const auto chain = chain_at(seq);
  BROKER_ASSERT(chain.has_value(), "the chain at a base is known");
  base.chain = *chain;
  base.delivered_upto = std::min(delivered_upto, seq);
  base.dedupe = dedupe_;
  for (auto run = runs_.rbegin(); run != runs_.rend() && run->last() > seq; ++run)
    base.dedupe.take_back(run->first > seq ? *run : cut(*run, seq + 1, run->last()));
  base.dedupe.shorten(seq);
  if (planted(plant::copy_no_dedupe))
    base.dedupe = {};
  return base;
}

log_checkpoint replica_log::checkpoint(seqno committed, seqno delivered_upto) const {
  seqno start = start_;
  for (const log_run& run : runs_) // at the end of a run the chain is known
    if (run.last() <= committed)
      start = run.last();
  log_checkpoint whole{base_at(start, delivered_upto), epochs_, {}, base_, copied_upto_, copying_, emptied_at_};
  for (const log_run& run : runs_)
    if (run.first > start) {
      whole.runs.push_back(run);
      whole.runs.back().batch = {};
    }
  return whole;
}

size_t replica_log::bytes_between(seqno from, seqno upto) const {
  size_t bytes = 0;
  for (seqno at = std::max(from, start_) + 1; at <= std::min(upto, end_.seq);) {
    const log_run& run = runs_[index_of(at)];
    const seqno last = std::min(run.last(), upto);
    bytes += run.bytes * (last - at + 1) / run.count;
    at = last + 1;
  }
  return bytes;
}

void replica_log::describe(std::string& out) const {
  put(out, end_.seq, end_.mastership, chain_, floor_, start_, start_chain_, base_.seq, copied_upto_, committed_,
      copying_, emptied_at_, durable_);
  for (seqno at = start_ + 1; at <= end_.seq; ++at) { // by entry: how they were grouped decides nothing
    const log_run& run = runs_[index_of(at)];
    const uint64_t number = run.kind == entry_kind::publish ? run.from.first + (at - run.first) : run.from.first;
    const auto chain = chain_at(at);
    put(out, run.mastership, static_cast<uint64_t>(run.kind), run.from.channel.number, number, chain.value_or(0));
  }
  put(out, epochs_.size());
  for (const epoch_start& one : epochs_)
    put(out, one.mastership, one.first);
  put(out, dedupe_.entries().size());
  for (const dedupe_entry& one : dedupe_.entries())
    put(out, one.channel.node, one.channel.inc, one.channel.number, one.last, one.at);
  put(out, unsynced_.size());
  for (const unsynced& one : unsynced_)
    put(out, one.durable, last_write_ - one.number);
}

} // namespace broker::replication
