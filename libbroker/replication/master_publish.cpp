// What enters the log (T4).
#include <algorithm>

#include "base/assert.hpp"
#include "replication/master.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

/// Cuts `whole` into runs that fit one message between nodes; a single larger message travels in parts.
void master::append_runs(replica_core& core, const log_run& whole, publish_outcome& done, effects& out) {
  const slice all = whole.where;
  for (uint32_t lo = all.lo; lo < all.hi;) {
    uint32_t hi = lo;
    size_t bytes = 0;
    do {
      const message& one = whole.batch->messages[hi];
      bytes += one.raw_size + one.names_size + limits::publish_overhead_bytes;
      ++hi;
    } while (hi < all.hi && bytes < core.settings.append_bytes
             && bytes + whole.batch->messages[hi].raw_size <= core.settings.append_bytes);
    log_run part = whole;
    part.where = {lo, hi};
    part.count = hi - lo;
    if (!whole.from.channel.none()) {
      part.from.first = whole.from.first + (lo - all.lo);
      part.from.prev = lo == all.lo ? whole.from.prev : part.from.first - 1;
    }
    const log_run& appended = core.log.extend(core.mastership, std::move(part), out.writes);
    if (done.last == 0)
      done.first = appended.first;
    BROKER_ASSERT(done.last == 0 || done.last + 1 == appended.first, "one order's entries are dense");
    done.last = appended.last();
    lo = hi;
  }
}

/// False: there is a gap, and nothing more of the order may be taken.
bool master::append_slice(replica_core& core, const publish_order& order, size_t which, uint64_t prev,
                          publish_outcome& done, effects& out) {
  slice where = order.slices[which];
  log_run run;
  run.batch = order.batch;
  if (!order.facts.empty())
    run.facts = order.facts[which];
  BROKER_ASSERT(run.facts.deadline_ms <= message_facts::deadline_max_ms, "a deadline fits its 56 bits");
  run.where = where;
  if (!order.channel.none()) {
    uint64_t number = order.batch->first_confirm + where.lo;
    BROKER_ASSERT(number != 0 && prev < number, "publishes are numbered from 1, rising");
    const dedupe_entry* known = core.log.dedupe().find(order.channel);
    const uint64_t last = known ? known->last : 0;
    done.last_number = last;
    for (; where.lo < where.hi && number <= last && !planted(plant::no_dedupe); ++where.lo, prev = number++) {
      ++done.duplicates;
      done.confirm_at = std::max(done.confirm_at, known->at);
    }
    if (where.size() == 0)
      return true;
    if (prev != last && !planted(plant::gap_publish) && !planted(plant::no_dedupe)) {
      done.gap = true;
      return false;
    }
    if (!known && core.log.dedupe().entries().size() >= core.settings.channels_max) {
      done.refused = true;
      return false;
    }
    run.where = where;
    run.from = {order.channel, number, prev};
  }
  append_runs(core, run, done, out);
  return true;
}

publish_outcome master::publish(replica_core& core, const publish_order& order, effects& out) {
  BROKER_ASSERT(core.is_master(), "only a master takes publishes");
  publish_outcome done;
  done.refused = handing_over();
  BROKER_ASSERT(order.facts.empty() || order.facts.size() == order.slices.size(), "facts are of slices");
  uint64_t prev = order.prev;
  for (size_t at = 0; at < order.slices.size(); ++at) {
    const slice& one = order.slices[at];
    BROKER_ASSERT(one.lo <= one.hi && one.hi <= order.batch->messages.size(), "slice outside its batch");
    if (one.size() == 0)
      continue;
    if (done.refused || !append_slice(core, order, at, prev, done, out))
      break;
    prev = order.batch->first_confirm + one.hi - 1;
  }
  BROKER_ASSERT(done.last == 0 || done.last == core.log.length(), "what was appended ends the log");
  BROKER_ASSERT(done.duplicates == 0 || done.confirm_at <= core.log.length(), "a duplicate is in the log");
  return done;
}

seqno master::note(replica_core& core, entry_kind kind, origin from, std::vector<seq_range> ranges, effects& out) {
  BROKER_ASSERT(core.is_master(), "only a master decides");
  BROKER_ASSERT(kind != entry_kind::publish, "messages are published");
  log_run run;
  run.kind = kind;
  run.count = 1;
  run.from = from;
  if (kind == entry_kind::forget) {
    const dedupe_entry* known = core.log.dedupe().find(from.channel);
    BROKER_ASSERT(known != nullptr, "only known channels are forgotten");
    run.from.first = run.from.prev = known->last; // what cutting this entry off restores
  } else {
    BROKER_ASSERT(!ranges.empty(), "something has ended");
    for (const seq_range& one : ranges)
      BROKER_ASSERT(one.first != 0 && one.first < one.last && one.last <= core.log.length() + 1, "only entries end");
    if (planted(plant::forget_early))
      core.log.forget(ranges, out.writes);
    run.ranges = std::make_shared<const std::vector<seq_range>>(std::move(ranges));
  }
  return core.log.extend(core.mastership, std::move(run), out.writes).first;
}

} // namespace broker::replication
