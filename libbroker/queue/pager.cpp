#include "queue/pager.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"
#include "queue/prefix.hpp"

namespace broker::queueing {

namespace {
/// Requests outstanding at once: one on its way while the other is handed out.
constexpr size_t reads_ahead = 2;
/// Runs looked at in vain in one call, so that its cost does not grow with the backlog.
constexpr size_t look_limit = 64;
/// The same for one of many priorities.
constexpr size_t level_look_min = 4;
} // namespace

void pager::recovered(seqno next) {
  appended_ = durable_ = next;
}

void pager::append(const run& what, bool durable, message_facts facts) {
  BROKER_ASSERT(takes(what), "appended out of order");
  appended_ = what.last();
  written_ += what.count;
  store_.append(queue_, what.batch, {what.lo, what.lo + what.count}, what.first, durable, facts);
}

bool pager::has(const run& what) const noexcept {
  return (what.kept == home::durable && what.last() <= durable_) || (what.kept == home::paged && what.last() <= paged_);
}

void pager::drop_when_stored(const run& what) {
  auto& drops = what.kept == home::durable ? durable_drops_ : paged_drops_;
  auto at = drops.end();
  while (at != drops.begin() && std::prev(at)->first > what.first)
    --at;
  if (at != drops.begin() && std::prev(at)->last == what.first)
    std::prev(at)->last = what.last();
  else
    drops.insert(at, what.range());
}

void pager::drop_below(std::vector<seq_range>& drops, seqno upto, ready_levels& ready) {
  size_t done = 0;
  for (; done < drops.size() && drops[done].first < upto; ++done) {
    drops[done].first = ready.drop_leaving(drops[done], upto);
    if (drops[done].size() > 0)
      break;
  }
  erase_prefix(drops, done);
}

void pager::durable(seqno upto, ready_levels& ready) {
  durable_ = std::max(durable_, upto);
  drop_below(durable_drops_, durable_, ready);
}

void pager::paged(seqno upto, ready_levels& ready) {
  paged_ = std::max(paged_, upto);
  drop_below(paged_drops_, paged_, ready);
}

seqno pager::shed(ready_levels& ready, uint64_t budget, const facts_of& facts) {
  const uint64_t staying = ready.memory() - ready.leaving();
  if (staying <= budget)
    return 0;
  uint64_t excess = staying - budget;
  std::vector<seqno> to_append;
  size_t passed_over = 0;
  // Each priority has its newest messages last, and those without bodies in front of them.
  const size_t level_look_limit = std::max(level_look_min, look_limit / ready.levels());
  // The first run stays: it is the next to go out.
  size_t level_begin = ready.runs();
  for (size_t index = ready.runs(); excess > 0 && index > 1;) {
    const run& one = ready.at(--index);
    const uint64_t memory = one.memory();
    if (index < level_begin) {
      level_begin = ready.level_start(index);
      passed_over = 0;
    }
    if (!one.batch || one.leaving || (one.kept == home::memory && !takes(one))) {
      if (++passed_over >= level_look_limit)
        index = ready.level_start(index);
      continue;
    }
    excess -= std::min(excess, memory);
    if (one.kept == home::memory) {
      to_append.push_back(one.first);
    } else if (has(one)) {
      ready.drop_body(index);
    } else {
      drop_when_stored(one);
      ready.mark_leaving(index, one.kept);
    }
  }
  seqno end = 0;
  std::sort(to_append.begin(), to_append.end());
  for (const seqno first : to_append) {
    const size_t place = ready.find(first);
    append(ready.at(place), false, facts(ready.at(place)));
    ready.mark_leaving(place, home::paged);
    drop_when_stored(ready.at(place));
    end = ready.at(place).last();
  }
  return end;
}

bool pager::next_gap(const ready_levels& ready, uint64_t bytes, seq_range& gap) const {
  uint64_t ahead = 0;
  const size_t end = std::min(ready.runs(), look_limit);
  for (size_t index = 0; index < end && ahead < reads_ahead * bytes; ++index) {
    const run& one = ready.at(index);
    ahead += one.memory();
    if (one.batch)
      continue;
    seqno from = one.first;
    for (const request& read : reads_)
      if (read.who == reader::head && read.range.first <= from && from < read.range.last)
        from = read.range.last;
    if (from >= one.last())
      continue;
    gap = {from, from};
    uint64_t wanted = 0;
    for (; index < end && wanted < bytes; ++index) {
      const run& part = ready.at(index);
      const seqno begin = std::max(part.first, from);
      if (part.batch || begin > gap.last + read_along_max)
        break;
      if (begin < gap.last || part.last() <= gap.last) // a lower priority begins
        break;
      const uint64_t each = part.body / part.count + limits::publish_overhead_bytes;
      const uint64_t count = std::min<uint64_t>(part.last() - begin, (bytes - wanted) / each + 1);
      gap.last = begin + count;
      wanted += count * each;
    }
    return true;
  }
  return false;
}

void pager::read_ahead(const ready_levels& ready, uint64_t bytes) {
  seq_range gap;
  while (ready.messages_paged() > 0 && reads_ahead_ < reads_ahead && next_gap(ready, bytes, gap)) {
    reads_.push_back({gap, reader::head});
    ++reads_ahead_;
    store_.read(queue_, gap.first, gap.last, bytes * 2);
  }
}

void pager::read_sizes(const ready_levels& ready, uint64_t bytes) {
  if (reads_sizes_ || ready.messages_estimated() == 0)
    return;
  size_t index = 0;
  while (!ready.at(index).estimated)
    ++index;
  seq_range which = ready.at(index).range();
  for (uint64_t wanted = 0; index < ready.runs() && wanted < bytes; ++index) {
    const run& part = ready.at(index);
    if (!part.estimated || part.first > which.last + read_along_max || part.last() < which.last)
      break;
    which.last = part.last();
    wanted += part.body;
  }
  reads_sizes_ = true;
  read(reader::size, which, bytes);
}

void pager::read(reader who, seq_range which, uint64_t bytes) {
  reads_.push_back({which, who});
  store_.read(queue_, which.first, which.last, bytes);
}

pager::request pager::read_done(const std::vector<stored_run>& runs, ready_levels& ready) {
  BROKER_ASSERT(!reads_.empty(), "an answer nobody asked for");
  const request asked = reads_.front();
  reads_.erase(reads_.begin());
  reads_ahead_ -= asked.who == reader::head ? 1 : 0;
  reads_sizes_ = reads_sizes_ && asked.who != reader::size;
  for (const stored_run& one : runs) {
    BROKER_ASSERT(one.first >= asked.range.first && one.first + one.where.size() <= asked.range.last,
                  "an answer to something else");
    read_ += one.where.size();
  }
  if (asked.who != reader::head && asked.who != reader::size)
    return asked;
  for (const stored_run& one : runs)
    ready.attach(one, asked.who == reader::head);
  BROKER_ASSERT(!runs.empty() || !ready.lacks_body(asked.range), "the store has lost messages");
  return asked;
}

} // namespace broker::queueing
