#include "queue/live_index.hpp"

#include <iterator>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace broker::queueing {

live_index::live_index(const std::vector<recovered_run>& found) {
  for (const recovered_run& one : found)
    add(one.first, {one.count, one.body_bytes, one.facts, one.estimated});
}

void live_index::follow(const replication::log_write& what) {
  using namespace replication;
  const auto clear = [&] {
    runs_.clear();
    messages_ = 0;
  };
  std::visit(overloaded{
               [&](const log_emptied&) { clear(); },
               [&](const log_appended& one) {
                 if (one.run.kind == entry_kind::publish)
                   add({one.run.batch, one.run.where, one.run.first}, one.run.facts);
               },
               [&](const log_truncated& one) {
                 erase({one.from, UINT64_MAX});
               },
               [&](const log_copy_begun&) { clear(); },
               [&](const log_copied& one) {
                 for (const auto& run : one.live) // below the tail that came meanwhile
                   add(run, run.facts);
               },
               [](const log_copy_ended&) {},
               [&](const log_forgotten& one) {
                 for (const seq_range& range : one.ended)
                   erase(range);
               },
             },
             what.what);
}

uint64_t live_index::digest(seqno upto) const {
  constexpr uint64_t prime = 1099511628211u; // FNV-1a by 64-bit words
  uint64_t hash = 14695981039346656037u;
  for (const auto& [first, run] : runs_)
    for (uint64_t at = 0; at < run.count && first + at <= upto; ++at)
      for (const uint64_t word : {first + at, run.facts.deadline_ms, uint64_t{run.facts.priority}})
        hash = (hash ^ word) * prime;
  return hash;
}

void live_index::add(const stored_run& run, message_facts facts) {
  live_run fresh{run.where.size(), 0, facts, false};
  for (uint32_t at = run.where.lo; at < run.where.hi; ++at)
    fresh.body_bytes += run.batch->messages[at].body_size;
  add(run.first, fresh);
}

void live_index::add(seqno first, live_run run) {
  BROKER_ASSERT(run.count != 0, "a run holds something");
  messages_ += run.count;
  const auto behind = runs_.lower_bound(first);
  BROKER_ASSERT(behind == runs_.end() || first + run.count <= behind->first, "a message is live once");
  if (behind != runs_.begin()) {
    const auto before = std::prev(behind);
    live_run& last = before->second;
    BROKER_ASSERT(before->first + last.count <= first, "a message is live once");
    if (before->first + last.count == first && last.facts == run.facts && last.count <= UINT32_MAX - run.count) {
      last.count += run.count;
      last.body_bytes += run.body_bytes;
      last.estimated = last.estimated || run.estimated;
      return;
    }
  }
  runs_.emplace_hint(behind, first, run);
}

/// No run reaches across `at` any more.
void live_index::split(seqno at) {
  auto behind = runs_.lower_bound(at);
  if (behind == runs_.begin())
    return;
  const auto before = std::prev(behind);
  live_run& head = before->second;
  if (before->first + head.count <= at)
    return;
  head.estimated = true;
  live_run tail = head;
  const auto kept = static_cast<uint32_t>(at - before->first);
  tail.count = head.count - kept;
  tail.body_bytes = head.body_bytes / head.count * tail.count;
  head.body_bytes -= tail.body_bytes;
  head.count = kept;
  runs_.emplace_hint(behind, at, tail);
}

void live_index::erase(seq_range which) {
  if (which.first >= which.last)
    return;
  split(which.first);
  split(which.last);
  const auto from = runs_.lower_bound(which.first);
  const auto upto = runs_.lower_bound(which.last);
  for (auto at = from; at != upto; ++at)
    messages_ -= at->second.count;
  runs_.erase(from, upto);
}

std::vector<recovered_run> live_index::without(const std::vector<seq_range>& ended) const {
  live_index left = *this; // a change of masters happens seldom
  for (const seq_range& one : ended)
    left.erase(one);
  std::vector<recovered_run> all;
  all.reserve(left.runs_.size());
  for (const auto& [first, run] : left.runs_)
    all.push_back({first, run.count, run.body_bytes, false, run.facts, run.estimated});
  return all;
}

} // namespace broker::queueing
