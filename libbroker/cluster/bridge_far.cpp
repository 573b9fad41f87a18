#include "cluster/bridge_far.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "cluster/bridge_home.hpp"
#include "cluster/waiting_channel.hpp"

namespace broker::bridging {

namespace {

/// Limit of every borrowed window; its free places are what has been lent and not used.
constexpr uint32_t window_full = 1u << 30;

int64_t unused(const prefetch_window& window) {
  return window_full - window.unacked.load();
}

/// Gets a publish's credit and passes the news on: the other node releases its own batch then.
class taken_sink final : public credit_sink {
public:
  taken_sink(std::function<void(uint64_t, uint64_t)> tell, uint64_t session, uint64_t number)
    : tell_(std::move(tell)), session_(session), number_(number) {}
  void credit(size_t) noexcept override { tell_(session_, number_); }

private:
  const std::function<void(uint64_t, uint64_t)> tell_;
  const uint64_t session_;
  const uint64_t number_;
};

/// Asks for places, once until some come.
class borrower final : public place_lender {
public:
  borrower(std::function<void(uint64_t, uint64_t, uint32_t)> tell, uint64_t session, channel_key channel)
    : tell_(std::move(tell)), session_(session), channel_(channel) {}
  void wanted(uint32_t messages) noexcept override {
    if (!asked_.exchange(true))
      tell_(session_, channel_, messages);
  }
  void answered() noexcept { asked_.store(false); }

private:
  const std::function<void(uint64_t, uint64_t, uint32_t)> tell_;
  const uint64_t session_;
  const channel_key channel_;
  std::atomic<bool> asked_{false};
};

} // namespace

// -- what channels of the other node ask
// --------------------------------------------------------------------------------

bool far_side::take(publish& what, bridge_step& step) {
  twin& from = twin_of(what.channel);
  what.batch->credit_to = ref<credit_sink>{new taken_sink{settings_.on_taken_over, session_, next_publish_++}};
  what.batch->hold(static_cast<int>(what.targets.size()));
  for (auto& each : what.targets) {
    publish_request one{what.batch, std::move(each.slices), from.address, what.confirm, {}};
    if (each.prev)
      one.from = {what.publisher, *each.prev};
    send_or_wait({each.queue, std::move(one), each.mastership}, step);
  }
  return true;
}

bool far_side::take(settle& what, bridge_step& step) {
  twin* from = find_twin(what.channel);
  consumer_ref by;
  epoch mastership = what.mastership;
  if (what.by != 0) {
    const auto at = consumers_.find(what.by);
    if (at == consumers_.end())
      return what.by <= last_consumer_;
    by = at->second.who;
    mastership = at->second.mastership;
    if (!from || !(by->channel == from->address) || by->queue != what.queue)
      return false;
  }
  if (from)
    send({what.queue, settle_request{what.what, from->address, std::move(by), std::move(what.seqs)}, mastership}, step);
  return true;
}

bool far_side::take(consume& what, bridge_step& step) {
  if (what.key <= last_consumer_)
    return false;
  last_consumer_ = what.key;
  twin& from = twin_of(what.channel);
  auto who = make_ref<consumer>();
  who->tag = std::move(what.tag);
  who->channel = from.address;
  who->channel_id = what.channel_id;
  who->connection = what.connection;
  who->queue = what.queue;
  who->queue_name = std::move(what.queue_name);
  who->no_ack = what.no_ack;
  who->exclusive = what.exclusive;
  who->prefetch = what.prefetch;
  who->priority = what.priority;
  if (what.windowed)
    who->window = window_of(what.channel, from);
  who->arguments = std::move(what.arguments);
  consumers_.emplace(what.key, twin_consumer{who, what.mastership});
  keys_.emplace(who.get(), what.key);
  from.consumers.insert(what.key);
  from.queues.insert(what.queue);
  send_or_wait({what.queue, consume_request{std::move(who)}, what.mastership}, step);
  return true;
}

bool far_side::take(cancel& what, bridge_step& step) {
  const auto at = consumers_.find(what.key);
  if (at == consumers_.end())
    return what.key <= last_consumer_;
  const auto& [who, mastership] = at->second;
  send_or_wait({who->queue, cancel_request{who}, mastership}, step);
  return true;
}

bool far_side::take(ask& what, bridge_step& step) {
  if (what.what == ask::kind::gone) {
    // A channel that published in an earlier session is still to be forgotten.
    twin* from = what.publisher.none() ? find_twin(what.channel) : &twin_of(what.channel);
    if (!from)
      return true;
    for (auto at = from->consumers.begin(); at != from->consumers.end();) {
      const consumer_key key = *at++;
      if (consumers_.at(key).who->queue == what.queue)
        forget_consumer(key);
    }
    from->queues.erase(what.queue);
    from->closing.erase(what.queue);
    send_or_wait({what.queue, channel_gone{from->address, what.publisher}}, step);
    return true;
  }
  twin& from = twin_of(what.channel);
  switch (what.what) {
  case ask::kind::get:
    from.queues.insert(what.queue);
    send_or_wait({what.queue, get_request{from.address, what.no_ack, what.question}, what.mastership}, step);
    break;
  case ask::kind::purge:
    send_or_wait({what.queue, purge_request{from.address, what.question}, what.mastership}, step);
    break;
  case ask::kind::status:
    send_or_wait({what.queue, status_request{from.address, what.question}, what.mastership}, step);
    break;
  default:
    from.closing.insert(what.queue);
    send_or_wait(
      {what.queue, delete_request{from.address, what.if_unused, what.if_empty, what.question}, what.mastership}, step);
    break;
  }
  return true;
}

bool far_side::take(written& what, bridge_step& step) {
  const auto at = consumers_.find(what.key);
  if (at == consumers_.end())
    return what.key <= last_consumer_;
  consumer& who = *at->second.who;
  if (who.unwritten_bytes.load() < static_cast<int64_t>(what.bytes))
    return false;
  who.unwritten_bytes.fetch_sub(static_cast<int64_t>(what.bytes));
  if (who.starved.exchange(false))
    send({who.queue, consumer_ready{at->second.who}, at->second.mastership}, step);
  return true;
}

bool far_side::take(forget& what) {
  if (!consumers_.contains(what.key))
    return what.key <= last_consumer_;
  forget_consumer(what.key);
  return true;
}

bool far_side::take(channel_ended& what, bridge_step& step) {
  const auto at = channels_.find(what.channel);
  if (at == channels_.end())
    return true;
  leave(at->second, std::exchange(at->second.queues, {}), step); // a deletion that it may do is its own affair
  by_address_.erase(at->second.address->id);
  channels_.erase(at);
  return true;
}

// -- queues of this node
// -----------------------------------------------------------------------------------------------

/// What matters only if the queue is there.
void far_side::send(queue_task what, bridge_step& step) {
  const auto waiting = coming_.find(what.queue);
  if (waiting != coming_.end())
    waiting->second.push_back(std::move(what)); // behind what waits
  else if (settings_.find_queue(what.queue, what.mastership) == queue_place::here)
    step.requests.push_back(std::move(what));
}

void far_side::send_or_wait(queue_task what, bridge_step& step) {
  if (const auto waiting = coming_.find(what.queue); waiting != coming_.end()) {
    waiting->second.push_back(std::move(what));
    return;
  }
  switch (settings_.find_queue(what.queue, what.mastership)) {
  case queue_place::here:
    step.requests.push_back(std::move(what));
    break;
  case queue_place::coming:
    coming_[what.queue].push_back(std::move(what));
    break;
  case queue_place::gone:
    refuse(what, answer::kind::gone);
    break;
  case queue_place::stale:
    drop(what);
    break;
  case queue_place::elsewhere:
    refuse(what, answer::kind::elsewhere);
    break;
  }
}

/// The channel hears what it would hear on a node that has no such queue, or cannot reach it.
void far_side::refuse(const queue_task& what, answer::kind why, epoch from) {
  if (const auto* publish = std::get_if<publish_request>(&what.request))
    publish->batch->release();
  const channel_ref asker = waiting_channel(what.request);
  if (!asker)
    return;
  const auto at = by_address_.find(asker->id);
  if (at == by_address_.end())
    return;
  out_.add(answer{why, at->second, what.queue, 0, 0, std::nullopt, from, 0});
}

/// For a master that is none any more: who asked hears that the queue has moved. A channel hears of the next master by
/// its own metadata, and sends again what it must.
void far_side::drop(const queue_task& what) {
  if (const auto* publish = std::get_if<publish_request>(&what.request))
    return publish->batch->release();
  const auto* consume = std::get_if<consume_request>(&what.request);
  if (!consume)
    return refuse(what, answer::kind::moved, what.mastership);
  if (const auto key = keys_.find(consume->who.get()); key != keys_.end())
    out_.add(consumer_event{consumer_event::kind::moved, key->second, {}});
}

void far_side::undeliverable(queue_task& what, bridge_step& step) {
  send_or_wait(std::move(what), step);
}

void far_side::queues_changed(bridge_step& step) {
  for (auto at = coming_.begin(); at != coming_.end();) {
    if (settings_.find_queue(at->first, at->second.front().mastership) == queue_place::coming) {
      ++at;
      continue;
    }
    std::vector<queue_task> waiting = std::move(at->second);
    at = coming_.erase(at);
    for (queue_task& each : waiting)
      send_or_wait(std::move(each), step);
  }
}

// -- twins
// -------------------------------------------------------------------------------------------------------------

far_side::twin& far_side::twin_of(channel_key key) {
  twin& found = channels_[key];
  if (!found.address) {
    found.address = settings_.make_address();
    by_address_.emplace(found.address->id, key);
  }
  return found;
}

far_side::twin* far_side::find_twin(channel_key key) {
  const auto at = channels_.find(key);
  return at == channels_.end() ? nullptr : &at->second;
}

void far_side::erase_consumer(consumer_key key) {
  const auto at = consumers_.find(key);
  const auto of = by_address_.find(at->second.who->channel->id);
  BROKER_ASSERT(of != by_address_.end(), "a consumer's channel is known");
  channels_.at(of->second).consumers.erase(key);
  keys_.erase(at->second.who.get());
  consumers_.erase(at);
}

/// Its channel lives on: places that deliveries to it have taken come back until it hears that none is left.
void far_side::forget_consumer(consumer_key key) {
  const bool windowed = static_cast<bool>(consumers_.at(key).who->window);
  erase_consumer(key);
  if (windowed)
    out_.add(consumer_event{consumer_event::kind::forgotten, key, {}});
}

/// Its queues take back what it held, and its consumers end.
void far_side::leave(twin& who, const std::set<queue_id>& queues, bridge_step& step) {
  for (const queue_id queue : queues)
    send({queue, channel_gone{who.address}}, step);
  while (!who.consumers.empty())
    erase_consumer(*who.consumers.begin());
}

void far_side::session_ends(bridge_step& step) {
  for (auto& [queue, waiting] : coming_)
    for (const queue_task& each : waiting)
      if (const auto* publish = std::get_if<publish_request>(&each.request))
        publish->batch->release();
  coming_.clear();
  for (auto& [key, each] : channels_) {
    each.queues.merge(each.closing);
    leave(each, std::exchange(each.queues, {}), step);
  }
  channels_.clear();
  by_address_.clear();
  last_consumer_ = 0;
  next_publish_ = 0;
  session_ = 0;
  tick_due_ms_ = 0;
}

void far_side::taken_over(uint64_t session, uint64_t number) {
  if (session == session_)
    out_.add(taken{{number, number + 1}});
}

// -- borrowed places
// -------------------------------------------------------------------------------------------------------

ref<prefetch_window> far_side::window_of(channel_key key, twin& who) {
  if (!who.window) {
    who.window = make_ref<prefetch_window>();
    who.window->limit.store(window_full);
    who.window->unacked.store(window_full);
    who.lender = ref<place_lender>{new borrower{settings_.on_place_wanted, session_, key}};
    who.window->lender = who.lender;
  }
  return who.window;
}

void far_side::place_wanted(uint64_t session, channel_key channel, uint32_t places) {
  if (session == session_ && find_twin(channel))
    out_.add(want{channel, std::max<uint32_t>(places, 1)});
}

bool far_side::take(lend& what, uint64_t now_ms, bridge_step& step) {
  twin& to = twin_of(what.channel);
  prefetch_window& window = *window_of(what.channel, to);
  if (what.places == 0 || unused(window) + what.places > window_full)
    return false;
  to.tight = what.tight;
  static_cast<borrower&>(*to.lender).answered(); // first: whoever finds none from now on asks again
  window.unacked.fetch_sub(what.places);
  to.unused_at_tick = -1;
  if (what.tight && tick_due_ms_ == 0)
    tick_due_ms_ = now_ms + loan_idle_ms;
  if (tick_due_ms_ != 0)
    want_tick(step, tick_due_ms_ > now_ms ? tick_due_ms_ - now_ms : 1);
  for (const consumer_key key : to.consumers) {
    const auto& [who, mastership] = consumers_.at(key);
    if (who->window)
      send({who->queue, consumer_ready{who}, mastership}, step);
  }
  return true;
}

uint32_t far_side::take_unused(twin& who) {
  if (!who.window)
    return 0;
  int64_t held = who.window->unacked.load();
  while (!who.window->unacked.compare_exchange_weak(held, window_full)) {
  }
  return static_cast<uint32_t>(window_full - held);
}

bool far_side::take(recall& what) {
  twin* who = find_twin(what.channel);
  if (who && who->lender) // who lent takes what was asked for as settled: the next that finds none asks again
    static_cast<borrower&>(*who->lender).answered();
  out_.add(returned{what.channel, who ? take_unused(*who) : 0});
  return true;
}

/// A large window is asked for more before it is used up.
void far_side::look_at_loan(twin& who) {
  if (who.window && !who.tight && unused(*who.window) < loan_places / 2)
    who.lender->wanted(loan_places);
}

void far_side::tick(uint64_t now_ms, bridge_step& step) {
  if (tick_due_ms_ == 0)
    return;
  if (now_ms < tick_due_ms_)
    return want_tick(step, tick_due_ms_ - now_ms);
  bool again = false;
  for (auto& [key, each] : channels_) {
    if (!each.window || !each.tight)
      continue;
    const int64_t left = unused(*each.window);
    if (left > 0 && left == each.unused_at_tick) { // nothing was delivered for a while: others may wait for them
      if (const uint32_t places = take_unused(each); places > 0)
        out_.add(returned{key, places});
    } else {
      again = again || left > 0;
    }
    each.unused_at_tick = left;
  }
  tick_due_ms_ = again ? now_ms + loan_idle_ms : 0;
  if (again)
    want_tick(step, loan_idle_ms);
}

void far_side::check() const {
  BROKER_ASSERT(keys_.size() == consumers_.size() && by_address_.size() == channels_.size(), "twins have their keys");
  size_t of_channels = 0;
  for (const auto& [key, each] : channels_) {
    of_channels += each.consumers.size();
    BROKER_ASSERT(by_address_.at(each.address->id) == key, "an address is its channel's");
    BROKER_ASSERT(!each.window || unused(*each.window) >= 0, "no more places are used than were lent");
    for (const consumer_key consumer : each.consumers)
      BROKER_ASSERT(consumers_.at(consumer).who->channel == each.address, "consumers are their channel's");
  }
  BROKER_ASSERT(of_channels == consumers_.size(), "every consumer has its channel");
}

// -- events of queues
// -------------------------------------------------------------------------------------------------------

struct far_side::event_visitor {
  far_side& me;
  channel_key channel;
  twin& to;
  epoch from;

  void operator()(delivered& what) const {
    const auto key = me.keys_.find(what.who.get());
    if (key == me.keys_.end()) { // forgotten: it uses none of the places that it took
      if (what.who->window)
        me.out_.add(returned{channel, what.run.where.size()});
      return;
    }
    me.out_.add(delivery{key->second, std::move(what.run), what.redelivered, what.bytes});
    if (what.who->window)
      me.look_at_loan(to);
  }
  void operator()(confirmed& what) const { me.out_.add(confirms{channel, what.queue, what.numbers, what.rejected}); }
  void operator()(got& what) const {
    me.out_.add(fetched{channel, what.queue, std::move(what.run), what.redelivered, what.no_ack, what.messages_left,
                        from, what.question});
  }
  void operator()(consume_done& what) const {
    tell(what.who, what.ok ? consumer_event::kind::begun : consumer_event::kind::refused, std::move(what.why));
  }
  void operator()(cancel_done& what) const { tell(what.who, consumer_event::kind::cancel_done, {}); }
  void operator()(consumer_cancelled& what) const {
    tell(what.who, what.moved ? consumer_event::kind::moved : consumer_event::kind::cancelled, {});
  }
  void operator()(purged& what) const {
    me.out_.add(answer{answer::kind::purged, channel, what.queue, what.messages, 0, std::nullopt, from, what.question});
  }
  void operator()(queue_status& what) const {
    me.out_.add(answer{answer::kind::status, channel, what.queue, what.messages_ready, what.consumers, std::nullopt,
                       from, what.question});
  }
  void operator()(delete_checked& what) const {
    answer said{answer::kind::checked, channel, what.queue, what.messages, 0, std::nullopt, from, what.question};
    if (!what.ok) {
      to.closing.erase(what.queue);
      said.refused = std::move(what.why);
    }
    me.out_.add(std::move(said));
  }
  void operator()(queue_missing& what) const {
    to.closing.erase(what.queue);
    me.out_.add(answer{what.moved ? answer::kind::moved : answer::kind::missing, channel, what.queue, 0, 0,
                       std::nullopt, from, 0});
  }
  void operator()(publish_gap& what) const { me.out_.add(gap{channel, what.queue, what.last_number, from}); }
  void operator()(window_returned&) const {} // for windows of this node

private:
  void tell(const consumer_ref& who, consumer_event::kind what, error why) const {
    if (const auto key = me.keys_.find(who.get()); key != me.keys_.end())
      me.out_.add(consumer_event{what, key->second, std::move(why)});
  }
};

void far_side::events(uint64_t address, std::vector<queue_event>& what, epoch from) {
  const auto at = by_address_.find(address);
  if (at == by_address_.end())
    return; // the channel or the session has ended
  const event_visitor visitor{*this, at->second, channels_.at(at->second), from};
  for (queue_event& each : what)
    std::visit(visitor, each);
}

} // namespace broker::bridging
