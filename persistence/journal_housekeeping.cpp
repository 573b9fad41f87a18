// The helper's role: spare segments ahead of need, survivors of sparse segments into the backlog, reuse of segments
// (docs/internals/storage.md, "Retirement"). Nothing here is on the path of a confirm.
#include "base/assert.hpp"
#include "journal_record.hpp"
#include "journal_store.hpp"

namespace broker {
namespace {
/// Entries collected for one write to the backlog.
constexpr size_t migration_bytes = 1024 * 1024;
} // namespace

bool journal_store::step_helper() {
  if (failed())
    return false;
  return prepare_spares() || erase_from_backlog() || finish_retirement() || begin_retirement();
}

bool journal_store::prepare_spares() {
  if (!pool_.short_of_spares())
    return false;
  const auto prepared = pool_.prepare();
  // No harm yet: the writer still has its segment and perhaps a spare. It fails for good when it finds neither.
  if (!prepared && !spares_failed_)
    events_.note("cannot prepare a journal segment: " + prepared.error().text);
  spares_failed_ = !prepared.ok();
  return prepared.ok();
}

bool journal_store::erase_from_backlog() {
  std::vector<std::pair<queue_id, std::vector<seq_range>>> erasures;
  std::vector<queue_id> drops;
  {
    const std::lock_guard lock(index_mutex_);
    erasures.swap(backlog_erasures_);
    drops.swap(backlog_drops_);
  }
  for (const auto& [queue, gone] : erasures)
    if (!check(backlog_.erase(queue, gone)))
      return false;
  for (const queue_id queue : drops)
    if (!check(backlog_.erase_queue(queue)))
      return false;
  return !erasures.empty() || !drops.empty();
}

bool journal_store::begin_retirement() {
  uint32_t candidate;
  bool survivors;
  {
    const std::lock_guard lock(index_mutex_);
    if (retirement_ != retirement_state::idle)
      return false;
    candidate = index_.retirement_candidate(options_.segment_bytes, options_.keep_segments);
    if (candidate == 0)
      return false;
    survivors = index_.live_messages(candidate) > 0;
  }
  if (survivors && !migrate(candidate))
    return !failed();
  // What the segment tells about the backlog's dead is only repeated by the deletions there: they must be durable
  // first.
  while (erase_from_backlog()) {
  }
  if (!check(backlog_.sync()))
    return false;
  {
    const std::lock_guard lock(index_mutex_);
    retiring_ = candidate;
    retirement_ = retirement_state::to_log;
  }
  events_.wake_writer();
  return true;
}

bool journal_store::migrate(uint32_t sequence) {
  std::vector<std::pair<queue_id, read_piece>> survivors;
  {
    const std::lock_guard lock(index_mutex_);
    survivors = index_.survivors(sequence);
    index_.pin(sequence);
  }
  bool moved = true;
  for (const auto& [queue, survivor] : survivors)
    moved = moved && move_survivor(queue, survivor);
  const std::lock_guard lock(index_mutex_);
  index_.unpin(sequence);
  if (!moved)
    index_.mark_damaged(sequence);
  return moved;
}

bool journal_store::move_survivor(queue_id queue, const read_piece& survivor) {
  bool damaged = false;
  std::vector<backlog_store::entry> entries;
  size_t bytes = 0;
  batch_builder builder{true};
  read_messages(survivor, queue, SIZE_MAX, backlog_, builder, [&](const store_damage& found) {
    damaged = true;
    report(found, survivor.where.segment);
  });
  if (damaged)
    return false;
  for (const auto& run : builder.take())
    for (uint32_t i = 0; i < run.where.size(); ++i) {
      const uint32_t at = run.where.lo + i;
      entries.push_back({queue, run.first + i,
                         encode_backlog_value(queue, run.first + i, run.batch->messages[at], survivor.where.transient,
                                              builder.facts()[at])});
      bytes += entries.back().value.size();
      if (bytes < migration_bytes)
        continue;
      if (!check(backlog_.put(entries, false)))
        return false;
      entries.clear();
      bytes = 0;
    }
  if (!check(backlog_.put(entries, false)))
    return false;
  const std::lock_guard lock(index_mutex_);
  auto died = index_.moved_to_backlog(queue, survivor);
  if (!died.empty())
    backlog_erasures_.push_back({queue, std::move(died)});
  return true;
}

bool journal_store::finish_retirement() {
  segment_ref unused;
  {
    const std::lock_guard lock(index_mutex_);
    if (retirement_ != retirement_state::logged || index_.pinned(retiring_))
      return false;
    unused = index_.forget_segment(retiring_);
    retirement_ = retirement_state::wiping;
    const std::lock_guard pending(pending_mutex_);
    lives_.forget([this](queue_id stored) { return index_.dropped(stored); });
  }
  if (!check(pool_.wipe(std::move(unused))))
    return false;
  const std::lock_guard lock(index_mutex_);
  retirement_ = retirement_state::idle;
  retiring_ = 0;
  return true;
}

} // namespace broker
