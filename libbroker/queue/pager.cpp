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
/// Messages that are not wanted but read along because they lie between wanted ones.
constexpr uint64_t read_along_max = 32;
} // namespace

void pager::recovered(seqno next) {
  appended_ = durable_ = next;
}

void pager::append(const run& what, bool durable, message_facts facts) {
  BROKER_ASSERT(takes(what), "appended out of order");
  appended_ = what.last();
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

void pager::drop_below(std::vector<seq_range>& drops, seqno upto, ready_list& ready) {
  size_t done = 0;
  for (; done < drops.size() && drops[done].first < upto; ++done) {
    drops[done].first = ready.drop_leaving(drops[done], upto);
    if (drops[done].size() > 0)
      break;
  }
  erase_prefix(drops, done);
}

void pager::durable(seqno upto, ready_list& ready) {
  durable_ = std::max(durable_, upto);
  drop_below(durable_drops_, durable_, ready);
}

void pager::paged(seqno upto, ready_list& ready) {
  paged_ = std::max(paged_, upto);
  drop_below(paged_drops_, paged_, ready);
}

seqno pager::shed(ready_list& ready, uint64_t budget) {
  const uint64_t staying = ready.memory() - ready.leaving();
  if (staying <= budget)
    return 0;
  uint64_t excess = staying - budget;
  std::vector<seqno> to_append; // falling
  size_t passed_over = 0;
  // The first run stays: it is the next to go out.
  for (size_t index = ready.runs(); excess > 0 && index > 1 && passed_over < look_limit;) {
    const run& one = ready.at(--index);
    const uint64_t memory = one.memory();
    if (!one.batch || one.leaving || (one.kept == home::memory && !takes(one))) {
      ++passed_over;
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
  for (auto at = to_append.rbegin(); at != to_append.rend(); ++at) {
    const size_t place = ready.find(*at);
    append(ready.at(place), false);
    ready.mark_leaving(place, home::paged);
    drop_when_stored(ready.at(place));
    end = ready.at(place).last();
  }
  return end;
}

bool pager::next_gap(const ready_list& ready, uint64_t bytes, seq_range& gap) const {
  uint64_t ahead = 0;
  const size_t end = std::min(ready.runs(), look_limit);
  for (size_t index = 0; index < end && ahead < reads_ahead * bytes; ++index) {
    const run& one = ready.at(index);
    ahead += one.memory();
    if (one.batch)
      continue;
    seqno from = one.first;
    for (const auto& [read, for_list] : reads_)
      if (for_list && read.first <= from && from < read.last)
        from = read.last;
    if (from >= one.last())
      continue;
    gap = {from, from};
    uint64_t wanted = 0;
    for (; index < end && wanted < bytes; ++index) {
      const run& part = ready.at(index);
      const seqno begin = std::max(part.first, from);
      if (part.batch || begin > gap.last + read_along_max)
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

void pager::read_ahead(const ready_list& ready, uint64_t bytes) {
  seq_range gap;
  while (ready.messages_paged() > 0 && reads_ahead_ < reads_ahead && next_gap(ready, bytes, gap)) {
    reads_.push_back({gap, true});
    ++reads_ahead_;
    store_.read(queue_, gap.first, gap.last, bytes * 2);
  }
}

void pager::read(seq_range which, uint64_t bytes) {
  reads_.push_back({which, false});
  store_.read(queue_, which.first, which.last, bytes);
}

bool pager::read_done(const std::vector<stored_run>& runs, ready_list& ready) {
  BROKER_ASSERT(!reads_.empty(), "an answer nobody asked for");
  const auto [asked, ahead] = reads_.front();
  reads_.erase(reads_.begin());
  reads_ahead_ -= ahead ? 1 : 0;
  for (const stored_run& one : runs)
    BROKER_ASSERT(one.first >= asked.first && one.first + one.where.size() <= asked.last,
                  "an answer to something else");
  if (!ahead)
    return false;
  for (const stored_run& one : runs)
    ready.attach(one);
  const size_t index = ready.find(asked.first);
  BROKER_ASSERT(!runs.empty() || index == ready.runs() || ready.at(index).batch || ready.at(index).first >= asked.last,
                "the store has lost messages");
  return true;
}

} // namespace broker::queueing
