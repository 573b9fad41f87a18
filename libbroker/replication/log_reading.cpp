// Reading entries and live messages back for other replicas (T5, T15).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "replication/log_storage.hpp"

namespace broker::replication {

namespace {

bool lies_in(const std::vector<seq_range>& ranges, seqno seq) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [seq](const seq_range& one) { return one.first <= seq && seq < one.last; });
}

/// Adds one message behind those found before.
void add_live(std::vector<live_run>& to, const stored_run& run, uint32_t at, seqno seq, message_facts facts) {
  if (!to.empty()) {
    live_run& last = to.back();
    if (last.batch == run.batch && last.where.hi == at && last.first + last.where.size() == seq
        && last.facts == facts) {
      ++last.where.hi;
      return;
    }
  }
  to.push_back({{run.batch, {at, at + 1}, seq}, facts});
}

/// Gives `run` the messages that were read; false if not all of them were.
bool add_bodies(log_run& run, seqno stored, const std::vector<stored_run>& read) {
  const auto found = std::find_if(read.begin(), read.end(), [&](const stored_run& one) {
    return one.first <= stored && stored + run.count <= one.first + one.where.size();
  });
  if (found == read.end())
    return false;
  const auto lo = static_cast<uint32_t>(found->where.lo + (stored - found->first));
  run.batch = found->batch;
  run.where = {lo, lo + run.count};
  return true;
}

} // namespace

/// Runs are read whole, as they were appended: the chain is known at their ends only.
std::optional<read_answer> log_storage::read(const read_order& order, const replica_log& log) {
  BROKER_ASSERT(order.from != 0 && order.from <= order.upto, "entries of a log are read");
  if (order.upto >= numbers_.end()) // cut off since: nobody waits for the answer
    return read_answer{order, std::nullopt, {}, order.upto};
  size_t max_bytes = std::max<size_t>(order.max_bytes, 1);
  if (!order.live) {
    const log_run* first = log.find(order.from);
    if (first == nullptr)
      return read_answer{order, std::nullopt, {}, 0};
    if (first->kind != entry_kind::publish || first->batch)
      return answer_log(order, {}, log);
    max_bytes = std::max(max_bytes, first->bytes + limits::publish_overhead_bytes);
  }
  orders_.push_back({order, order.own ? std::vector<seq_range>{} : unsure()});
  store_->read(queue_, numbers_.stored_from(order.from), numbers_.stored_from(order.upto) + 1, max_bytes);
  return std::nullopt;
}

read_answer log_storage::on_read(const std::vector<stored_run>& runs, const std::vector<message_facts>& facts,
                                 const replica_log& log) {
  BROKER_ASSERT(!orders_.empty(), "an answer has been asked for");
  const ordered asked = std::move(orders_.front());
  orders_.pop_front();
  if (asked.order.peer == 0)
    return {asked.order, std::nullopt, {}, asked.order.upto};
  return asked.order.live ? answer_live(asked, runs, facts) : answer_log(asked.order, runs, log);
}

/// What had been settled when the order was given is not live, though the store may not have known: its settle may lie
/// in the copy's base, where nobody would settle it again. Nor is what was cut off: it has no entry.
read_answer log_storage::answer_live(const ordered& asked, const std::vector<stored_run>& runs,
                                     const std::vector<message_facts>& facts) const {
  read_answer answer{asked.order, std::nullopt, {}, asked.order.upto};
  size_t which = 0;
  for (const stored_run& run : runs)
    for (uint32_t i = 0; i < run.where.size(); ++i, ++which) {
      BROKER_ASSERT(which < facts.size(), "facts of each message");
      const seqno stored = run.first + i;
      answer.upto = std::clamp(numbers_.last_upto(stored), asked.order.from, asked.order.upto);
      const auto seq = numbers_.entry_at(stored);
      if (seq && *seq >= asked.order.from && *seq <= asked.order.upto && !lies_in(asked.settled, stored))
        add_live(answer.live, run, run.where.lo + i, *seq, facts[which]);
    }
  return answer;
}

read_answer log_storage::answer_log(const read_order& order, const std::vector<stored_run>& runs,
                                    const replica_log& log) const {
  read_answer answer{order, std::vector<log_run>{}, {}, 0};
  size_t bytes = 0;
  for (seqno at = order.from; at <= order.upto && (at == order.from || bytes < order.max_bytes);) {
    const log_run* known = log.find(at);
    if (known == nullptr)
      break;
    log_run run = cut(*known, at, known->last());
    if (!run.in_memory() && !add_bodies(run, numbers_.stored(at), runs))
      break;
    const auto before = log.chain_at(at - 1);
    if (before && chain_after(*before, run) != run.chain) {
      answer.runs.reset();
      answer.damaged = true;
      return answer;
    }
    bytes += run.bytes;
    at = run.last() + 1;
    answer.runs->push_back(std::move(run));
  }
  if (answer.runs->empty())
    answer.runs.reset(); // the first of them has ended and is gone
  return answer;
}

} // namespace broker::replication
