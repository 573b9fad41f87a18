#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::holder;
using queueing::outbox;
using queueing::run;

holder* queue_state::impl::find(const consumer_ref& who, const channel_ref& channel) {
  const void* key = who ? static_cast<const void*>(who.get()) : channel.get();
  const auto at = index.find(key);
  return at == index.end() ? nullptr : &*at->second;
}

queue_state::impl::holder_at queue_state::impl::add_holder(const consumer_ref& who, const channel_ref& channel) {
  holders.emplace_back();
  const holder_at at = std::prev(holders.end());
  at->who = who;
  at->channel = channel;
  const void* key = who ? static_cast<const void*>(who.get()) : channel.get();
  BROKER_ASSERT(index.emplace(key, at).second, "consumes twice");
  return at;
}

void queue_state::impl::erase_holder(holder_at at) {
  index.erase(at->who ? static_cast<const void*>(at->who.get()) : at->channel.get());
  holders.erase(at);
}

void queue_state::impl::stop_consuming(holder& one) {
  used();
  ring.remove(one);
  if (exclusive == &one)
    exclusive = nullptr;
  if (active == &one)
    promote_next();
}

/// As RabbitMQ's classic queues: the highest consumer priority that waits, in order of subscription; its quorum queues
/// look at the order only.
void queue_state::impl::promote_next() {
  holder* next_active = nullptr;
  for (holder& one : holders) {
    if (one.is != holder::state::waiting)
      continue;
    if (!next_active || (options->type == queue_type::classic && one.who->priority > next_active->who->priority))
      next_active = &one;
  }
  if (next_active)
    ring.promote(*next_active);
  active = next_active;
}

void queue_state::impl::take(consume_request& request, outbox& out, queue_step&) {
  const consumer_ref& who = request.who;
  if (now != phase::open) {
    out.send(who->channel, consume_done{who, false, missing()});
    return;
  }
  const bool single_active = options->single_active_consumer;
  if (exclusive || (who->exclusive && (single_active || ring.consumers() > 0))) {
    out.send(who->channel, consume_done{who, false, refusal(403, "ACCESS_REFUSED", "in exclusive use")});
    return;
  }
  holder& added = *add_holder(who, who->channel);
  ring.add(added, single_active && active != nullptr);
  if (single_active && !active)
    active = &added;
  if (who->exclusive)
    exclusive = &added;
  out.send(who->channel, consume_done{who, true, {}});
}

void queue_state::impl::take(cancel_request& request, outbox& out, queue_step& step) {
  const auto at = index.find(request.who.get());
  if (at != index.end() && at->second->is != holder::state::gone) {
    stop_consuming(*at->second);
    if (at->second->unacked.empty())
      erase_holder(at->second);
    if (check_unused(step)) {
      leaving = request.who;
      return;
    }
  }
  out.send(request.who->channel, cancel_done{request.who});
}

void queue_state::impl::take(consumer_ready& request, outbox&, queue_step&) {
  holder* one = find(request.who, request.who->channel);
  if (!one)
    return;
  // Room in the channel's window is no room of its own: it keeps its place behind those who have some.
  const uint16_t own = one->who->prefetch;
  if (one->is == holder::state::at_prefetch && own != 0 && one->unacked.messages() >= own)
    return;
  ring.wake(*one);
}

void queue_state::impl::take(channel_gone& request, outbox&, queue_step& step) {
  if (now == phase::closed && closed_by == request.channel) { // it did not hear that it may delete, or its node died
    now = phase::open;
    closed_by = nullptr;
  }
  std::vector<run> back;
  bool left = false;
  for (auto at = holders.begin(); at != holders.end();) {
    const auto one = at++;
    if (one->channel != request.channel)
      continue;
    if (one->is != holder::state::gone) {
      stop_consuming(*one);
      left = true;
    }
    unacked_messages -= one->unacked.messages();
    unacked_memory -= one->unacked.memory();
    for (run& held : one->unacked.take_all())
      back.push_back(std::move(held));
    erase_holder(one);
  }
  std::erase_if(gets, [&](const get_request& get) { return get.channel == request.channel; });
  if (left)
    check_unused(step); // first: what a queue holds that goes with its last consumer is no dead letter
  requeue(std::move(back));
}

/// What is not held is passed over: the queue may have lost it to a deletion or to the channel's own end.
void queue_state::impl::take(settle_request& request, outbox&, queue_step&) {
  holder* by = find(request.by, request.channel);
  if (!by)
    return;
  std::vector<run> taken;
  unacked_messages -= by->unacked.messages();
  unacked_memory -= by->unacked.memory();
  for (const seq_range& one : request.seqs)
    by->unacked.take(one, taken);
  unacked_messages += by->unacked.messages();
  unacked_memory += by->unacked.memory();

  if (request.what == settle_request::kind::requeue)
    requeue(std::move(taken));
  else if (request.what == settle_request::kind::reject)
    for (run& one : taken) {
      one.redelivered = true; // whoever has it next if the queue is given up before the letter has landed
      die(std::move(one), queueing::dead_letter_reason::rejected);
    }
  else
    for (const run& one : taken) {
      counts[counted::ack] += one.count;
      ended(one);
    }
  if (by->is == holder::state::at_prefetch)
    ring.wake(*by);
  else if (by->is == holder::state::gone && by->unacked.empty())
    erase_holder(index.find(by->who ? static_cast<const void*>(by->who.get()) : by->channel.get())->second);
}

void queue_state::impl::requeue(std::vector<run> what) {
  for (run& one : what) {
    one.redelivered = true;
    if (one.batch)
      measure(one);
  }
  std::sort(what.begin(), what.end(), [](const run& a, const run& b) { return a.first < b.first; });
  if (options->type == queue_type::quorum)
    count_returns(what);
  ready.put_back(std::move(what));
  if (now == phase::open)
    drop_over_limit(); // before anybody gets them again (W50)
}

/// Quorum queues count how often each message came back; beyond the limit it does not wait again (W57).
void queue_state::impl::count_returns(std::vector<run>& what) {
  for (run& one : what)
    ++one.deliveries;
  if (!options->delivery_limit)
    return;
  const auto beyond = std::stable_partition(what.begin(), what.end(),
                                            [&](const run& one) { return one.deliveries <= *options->delivery_limit; });
  for (auto at = beyond; at != what.end(); ++at)
    die(std::move(*at), queueing::dead_letter_reason::delivery_limit);
  what.erase(beyond, what.end());
}

bool queue_state::impl::check_unused(queue_step& step) {
  if (!record->auto_delete || ring.consumers() != 0 || now != phase::open)
    return false;
  now = phase::closed;
  step.unused = true;
  return true;
}

} // namespace broker
