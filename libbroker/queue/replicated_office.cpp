// The queue of a replicated queue's master: built when it takes office, fed by what is committed, given up when it is
// deposed.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/outbox.hpp"
#include "queue/plant.hpp"
#include "queue/replicated_queue.hpp"

namespace broker {

using queueing::plant;
using queueing::planted;

namespace {

/// Cuts what lies below `at` off `run` into `head`; false: nothing does.
bool cut_below(recovered_run& run, seqno at, recovered_run& head) {
  if (run.first >= at)
    return false;
  head = run;
  head.count = static_cast<uint32_t>(std::min<uint64_t>(run.count, at - run.first));
  if (head.count != run.count) {
    head.body_bytes = run.body_bytes / run.count * head.count;
    head.estimated = run.estimated = true;
  }
  run.first += head.count;
  run.count -= head.count;
  run.body_bytes -= head.body_bytes;
  return true;
}

/// The part of a waiting publish up to entry `upto`; the rest stays, with a hold of its own.
logged_publish cut_publish(logged_publish& from, seqno upto) {
  logged_publish head = from;
  const auto count = static_cast<uint32_t>(upto + 1 - from.place.first);
  slice& rest = from.request.slices.front();
  head.request.slices.front().hi = rest.lo + count;
  rest.lo += count;
  from.place.first += count;
  from.place.lo = rest.lo;
  from.request.batch->hold();
  return head;
}

} // namespace

/// The log is truth: what is in it and not ended by it is the queue's, whoever wrote it (T3). What is not committed yet
/// waits, without bodies: it can neither be delivered nor be refused any more.
void replicated_queue::take_office(uint64_t now_ms, replicated_step& step) {
  BROKER_ASSERT(!queue_ && replica_->is_master(), "an office is taken once");
  ++office_;
  const seqno commit = replica_->commit();
  const seqno marked = planted(plant::mark_forgotten) ? 0 : known_delivered();
  recovered_queue content;
  content.id = record_->id;
  content.next = replica_->log().length() + 1;
  std::vector<seq_range> ended = replica_->ended_above_commit();
  if (planted(plant::ended_handed_out))
    ended.clear();
  for (recovered_run run : live_.without(ended))
    for (recovered_run part; run.count != 0;) {
      const bool below = cut_below(run, std::min(marked, commit + 1), part) || cut_below(run, commit + 1, part)
                      || cut_below(run, std::max(marked, commit + 1), part) || cut_below(run, UINT64_MAX, part);
      BROKER_ASSERT(below, "a run lies somewhere");
      part.redelivered = part.first < marked;
      if (part.first <= commit || planted(plant::withheld_early))
        content.runs.push_back(part);
      else if (!planted(plant::withheld_lost))
        withheld_.push_back(part);
    }
  if (marked != 0)
    replica_->delivered(std::min(marked, commit + 1));
  queue_ = std::make_unique<queue_state>(record_, settings_.queue, shim_, &content, now_ms);
  queue_->pause(!lease_valid_);
  queue_->tick(now_ms, step.queue); // what has expired meanwhile, or is beyond a limit
  step.took_office = true;
}

/// Consumers hear that they are cancelled, as of a queue whose node has gone; channels send again what was not
/// confirmed.
void replicated_queue::leave_office(replicated_step& step) {
  BROKER_ASSERT(queue_, "an office is left once");
  queue_->abandoned(step.queue);
  queue_.reset();
  for (const logged_publish& one : waiting_)
    one.request.batch->release();
  waiting_.clear();
  withheld_.clear();
  repeated_.clear();
  refused_.clear();
  idle_channels_ = {};
  shim_.settled.clear();
  shim_.reads.clear();
  shim_.handed_out = 0;
  purging_ = false;
  step.deposed = true;
}

std::vector<logged_publish> replicated_queue::take_committed(seqno upto) {
  std::vector<logged_publish> all;
  while (!waiting_.empty() && waiting_.front().place.first <= upto) {
    logged_publish& next = waiting_.front();
    if (next.place.first + next.request.slices.front().size() - 1 > upto) {
      all.push_back(cut_publish(next, upto));
      break;
    }
    all.push_back(std::move(next));
    waiting_.pop_front();
  }
  return all;
}

/// T11: confirmed, and delivered, is what is committed; nothing else.
void replicated_queue::commit(uint64_t now_ms, replicated_step& step) {
  const seqno upto = planted(plant::confirm_early) ? replica_->log().length() : replica_->commit();
  std::vector<recovered_run> found;
  for (recovered_run part; !withheld_.empty() && cut_below(withheld_.front(), upto + 1, part);) {
    found.push_back(part);
    if (withheld_.front().count == 0)
      withheld_.pop_front();
  }
  if (!found.empty())
    queue_->found(found, now_ms, step.queue);
  if (auto publishes = take_committed(upto); !publishes.empty())
    queue_->logged(std::move(publishes), now_ms, step.queue);
  if (repeated_.empty())
    return;
  queueing::outbox out{step.queue, record_->id};
  std::erase_if(repeated_, [&](const repeated& one) {
    if (one.at > upto)
      return false;
    out.confirm(one.channel, one.numbers);
    return true;
  });
}

} // namespace broker
