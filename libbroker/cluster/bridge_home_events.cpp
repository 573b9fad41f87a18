// The home side: what comes from the other node. A record that no correct node sends ends the session; one that is late
// (its channel or consumer has gone meanwhile) is dropped.
#include <algorithm>

#include "cluster/bridge_home.hpp"

namespace broker::bridging {

bool home_side::take(taken& what) {
  if (what.records.first < first_hold_ || what.records.last > first_hold_ + holds_.size())
    return false;
  for (uint64_t number = what.records.first; number < what.records.last; ++number) {
    hold& each = holds_[static_cast<size_t>(number - first_hold_)];
    if (each.count == 0)
      return false;
    for (; each.count > 0; --each.count)
      each.batch->release();
    each.batch = nullptr;
  }
  for (; !holds_.empty() && holds_.front().count == 0; ++first_hold_)
    holds_.pop_front();
  return true;
}

/// It was on its way when its consumer went: the queue takes the message back, and nobody here settles it.
bool home_side::give_back_forgotten(const delivery& what, bridge_step& step) {
  const auto gone = forgotten_.find(what.key);
  channel* of = gone == forgotten_.end() ? nullptr : find_channel(gone->second);
  if (!of)
    return what.key <= last_consumer_;
  const uint32_t count = what.run.where.size();
  if (of->lent < count)
    return false;
  give_back(*of, count, step);
  return true;
}

bool home_side::take(delivery& what, bridge_step& step) {
  const auto at = consumers_.find(what.key);
  if (at == consumers_.end())
    return give_back_forgotten(what, step);
  consumer_entry& entry = at->second;
  const uint32_t count = what.run.where.size();
  if (entry.who->window) {
    channel* of = find_channel(entry.who->channel->id);
    if (!of || of->lent < count)
      return false;
    of->lent -= count;
  }
  if (!entry.who->no_ack)
    entry.unsettled += count;
  flow(entry, what.bytes);
  add_event(step, entry.who->channel,
            delivered{entry.who, std::move(what.run), what.redelivered, static_cast<size_t>(what.bytes)});
  return true;
}

bool home_side::take(answer& what, bridge_step& step) {
  channel* to = find_channel(what.channel);
  if (!to)
    return true;
  switch (what.what) {
  case answer::kind::purged:
    add_event(step, to->address, purged{what.queue, what.messages, what.question}, what.mastership);
    break;
  case answer::kind::status:
    add_event(step, to->address, queue_status{what.queue, what.messages, what.consumers, what.question},
              what.mastership);
    break;
  case answer::kind::checked:
    add_event(step, to->address,
              delete_checked{what.queue, !what.refused, what.refused.value_or(error{}), what.messages, what.question},
              what.mastership);
    break;
  case answer::kind::missing:
  case answer::kind::moved:
    add_event(step, to->address, queue_missing{what.queue, what.what == answer::kind::moved}, what.mastership);
    break;
  case answer::kind::gone:
    forget_queue(*to, what.queue, true);
    step.news.emplace_back(to->address, queue_vanished{what.queue});
    break;
  case answer::kind::elsewhere:
    forget_queue(*to, what.queue, true);
    lose(to->address, what.queue, 0, step);
    break;
  }
  return true;
}

bool home_side::take(confirms& what, bridge_step& step) {
  if (channel* to = find_channel(what.channel))
    add_event(step, to->address, confirmed{what.queue, what.numbers, what.rejected});
  return true;
}

bool home_side::take(fetched& what, bridge_step& step) {
  channel* to = find_channel(what.channel);
  if (!to)
    return true;
  const auto used = to->queues.find(what.queue);
  const epoch asked = used == to->queues.end() ? 0 : used->second;
  if (what.mastership < asked)
    return true; // of an earlier master, or of before it had any, and asked of the present one
  if (what.run.batch && !what.no_ack && !to->fetched[what.queue].insert(what.run.first).second && asked == 0)
    return false;
  add_event(step, to->address,
            got{what.queue, std::move(what.run), what.redelivered, what.no_ack, what.messages_left, what.question},
            what.mastership);
  return true;
}

bool home_side::take(consumer_event& what, bridge_step& step) {
  if (what.what == consumer_event::kind::forgotten)
    return forgotten_.erase(what.key) != 0 || what.key <= last_consumer_;
  const auto at = consumers_.find(what.key);
  if (at == consumers_.end())
    return what.key <= last_consumer_;
  const consumer_ref who = at->second.who;
  switch (what.what) {
  case consumer_event::kind::begun:
    add_event(step, who->channel, consume_done{who, true, {}});
    break;
  case consumer_event::kind::refused:
    add_event(step, who->channel, consume_done{who, false, std::move(what.why)});
    erase_consumer(at, true);
    break;
  case consumer_event::kind::cancel_done:
    add_event(step, who->channel, cancel_done{who});
    at->second.ended = true;
    if (channel* of = find_channel(who->channel->id))
      recall_if_idle(*of);
    forget_if_settled(at);
    break;
  case consumer_event::kind::cancelled: // the queue is deleted: nothing is left to settle
  case consumer_event::kind::moved:     // or requeued it
    add_event(step, who->channel, consumer_cancelled{who, what.what == consumer_event::kind::moved});
    erase_consumer(at, true);
    break;
  case consumer_event::kind::forgotten:
    break; // above: nobody is left to hear it
  }
  return true;
}

bool home_side::take(gap& what, bridge_step& step) {
  if (channel* to = find_channel(what.channel))
    add_event(step, to->address, publish_gap{what.queue, what.last_number}, what.mastership);
  return true;
}

bool home_side::take(want& what) {
  channel* of = find_channel(what.channel);
  if (!of)
    return true;
  of->wanted = std::max(of->wanted, what.places);
  lend_places(what.channel, *of);
  return true;
}

bool home_side::take(returned& what, bridge_step& step) {
  channel* of = find_channel(what.channel);
  if (!of)
    return true;
  of->recalled = false;
  if (what.places == 0)
    return true;
  if (!of->window || what.places > of->lent)
    return false;
  give_back(*of, what.places, step);
  return true;
}

bool home_side::take(report_answer& what, bridge_step& step) {
  const auto at = questions_.find(what.key);
  if (at == questions_.end())
    return what.key <= last_report_; // too late
  what.key = at->second.asker;
  questions_.erase(at);
  step.reports.push_back(std::move(what));
  return true;
}

} // namespace broker::bridging
