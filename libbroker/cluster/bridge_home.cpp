#include "cluster/bridge_home.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "cluster/waiting_channel.hpp"

namespace broker::bridging {

namespace {

/// A consumer's unreported bytes above which its session is asked to say when it has written: far below the limit at
/// which the queue would pass it by.
constexpr auto report_above = static_cast<int64_t>(limits::consumer_flow_bytes / 4);

/// Takes up to `wanted` places, fewer if there is no room for them.
uint32_t reserve(prefetch_window& window, uint32_t wanted, bool tight) {
  int64_t held = window.unacked.load();
  for (;;) {
    const int64_t free = window.limit.load() - held;
    if (free <= 0)
      return 0;
    // Of a large window a part stays for the others; the limit of a small one is often less than what is wanted.
    const int64_t most = tight ? free : std::max<int64_t>(1, free / 2);
    const auto places = static_cast<uint32_t>(std::min<int64_t>(wanted, most));
    if (window.unacked.compare_exchange_weak(held, held + places))
      return places;
  }
}

} // namespace

// -- what channels ask
// -------------------------------------------------------------------------------------------------

struct home_side::request_visitor {
  home_side& me;
  queue_id queue;
  epoch mastership;
  bridge_step& step;

  void operator()(publish_request& what) const {
    me.send_publish(me.channel_of(what.channel, step), queue, what, mastership);
  }
  void operator()(settle_request& what) const { me.send_settlement(queue, what, mastership); }
  void operator()(consume_request& what) const { me.begin_consumer(what.who, mastership, step); }
  void operator()(cancel_request& what) const {
    const auto at = me.find_consumer(what.who);
    if (at == me.consumers_.end())
      return add_event(step, what.who->channel, cancel_done{what.who}); // of an earlier session: cancelled already
    me.out_.add(cancel{at->first});
  }
  void operator()(get_request& what) const { put(ask::kind::get, what, what.no_ack); }
  void operator()(purge_request& what) const { put(ask::kind::purge, what); }
  void operator()(status_request& what) const { put(ask::kind::status, what); }
  void operator()(delete_request& what) const { put(ask::kind::erase, what, false, what.if_unused, what.if_empty); }
  void operator()(channel_gone& what) const {
    if (channel* from = me.find_channel(what.channel->id))
      me.leave_queue(*from, queue, what.publisher);
  }
  void operator()(consumer_ready& what) const {
    const auto at = me.find_consumer(what.who);
    if (at == me.consumers_.end())
      return;
    me.report_written(at->first, at->second);
    const channel_key key = what.who->channel->id;
    if (channel* from = what.who->window ? me.find_channel(key) : nullptr)
      me.window_has_room(key, *from);
  }

private:
  template<class Question>
  void put(ask::kind kind, const Question& what, bool no_ack = false, bool if_unused = false,
           bool if_empty = false) const {
    me.note_use(me.channel_of(what.channel, step), queue, mastership);
    me.out_.add(ask{kind, what.channel->id, queue, no_ack, if_unused, if_empty, mastership, what.question, {}});
  }
};

void home_side::request(bool session, queue_id queue, queue_request& what, epoch mastership, bridge_step& step) {
  if (session)
    std::visit(request_visitor{*this, queue, mastership, step}, what);
  else
    refuse(queue, what, mastership, step);
}

/// There is no session: whoever waits for an answer hears that the queue is out of reach.
void home_side::refuse(queue_id queue, queue_request& what, epoch mastership, bridge_step& step) {
  if (auto* publish = std::get_if<publish_request>(&what))
    publish->batch->release();
  if (const auto* end = std::get_if<cancel_request>(&what))
    return add_event(step, end->who->channel, cancel_done{end->who});
  if (const auto asker = waiting_channel(what))
    lose(asker, queue, mastership, step);
}

/// Of a replicated queue it will hear again.
void home_side::lose(const channel_ref& address, queue_id queue, epoch mastership, bridge_step& step) {
  if (mastership != 0)
    channel_of(address, step).lost[queue] = mastership;
  if (!step.news.empty() && step.news.back().first == address)
    if (const auto* before = std::get_if<queue_lost>(&step.news.back().second);
        before && before->queue == queue && before->mastership == mastership)
      return;
  step.news.emplace_back(address, queue_lost{queue, settings_.unreachable(queue), mastership});
}

void home_side::session_begins(bridge_step& step) {
  for (auto& [key, each] : channels_)
    for (const auto& [queue, mastership] : std::exchange(each.lost, {}))
      step.news.emplace_back(each.address, queue_back{queue, mastership});
}

home_side::channel& home_side::channel_of(const channel_ref& address, bridge_step& step) {
  channel& found = channels_[address->id];
  if (!found.address) {
    found.address = address;
    step.watch.push_back(address);
  }
  return found;
}

home_side::channel* home_side::find_channel(channel_key key) {
  const auto at = channels_.find(key);
  return at == channels_.end() ? nullptr : &at->second;
}

/// What it has fetched from an earlier master is settled nowhere, and may be fetched again.
void home_side::note_use(channel& from, queue_id queue, epoch mastership) {
  const auto [at, fresh] = from.queues.try_emplace(queue, mastership);
  if (fresh || mastership <= at->second)
    return;
  at->second = mastership;
  from.fetched.erase(queue);
}

/// Parts whose gaps the codec bridges; each is taken over by itself.
void home_side::send_publish(channel& from, queue_id queue, publish_request& what, epoch mastership) {
  if (what.confirm)
    note_use(from, queue, mastership);
  publish::target part{queue, {}, mastership, std::nullopt};
  if (!what.from.channel.none())
    part.prev = what.from.prev;
  int parts = 0;
  for (const slice& each : what.slices) {
    if (each.size() == 0)
      continue;
    if (!part.slices.empty() && each.lo - part.slices.back().hi > gap_max) {
      ++parts;
      publish::target rest{queue, {}, mastership, std::nullopt};
      if (part.prev)
        rest.prev = what.batch->first_confirm + part.slices.back().hi - 1;
      add_part(from.address->id, what, std::exchange(part, std::move(rest)));
    }
    part.slices.push_back(each);
  }
  if (!part.slices.empty()) {
    ++parts;
    add_part(from.address->id, what, std::move(part));
  }
  if (parts > 1)
    what.batch->hold(parts - 1);
  else if (parts == 0)
    what.batch->release();
}

void home_side::add_part(channel_key from, const publish_request& what, publish::target part) {
  if (out_.add_publish(from, what, std::move(part)))
    ++holds_.back().count;
  else
    holds_.push_back({what.batch, 1});
}

void home_side::send_settlement(queue_id queue, settle_request& what, epoch mastership) {
  if (what.by) {
    const auto at = find_consumer(what.by);
    if (at == consumers_.end())
      return; // delivered in an earlier session: requeued there long since
    for (const seq_range& each : what.seqs)
      at->second.unsettled -= std::min(at->second.unsettled, each.size());
    out_.add(settle{what.what, what.channel->id, queue, at->first, std::move(what.seqs), mastership});
    return forget_if_settled(at);
  }
  channel* from = find_channel(what.channel->id);
  if (!from)
    return;
  const auto used = from->queues.find(queue);
  if (used != from->queues.end() && mastership < used->second)
    return;                    // fetched from an earlier master
  std::vector<seq_range> held; // in this session
  auto& fetched = from->fetched[queue];
  for (const seq_range& each : what.seqs)
    for (auto at = fetched.lower_bound(each.first); at != fetched.end() && *at < each.last; at = fetched.erase(at)) {
      if (!held.empty() && held.back().last == *at)
        ++held.back().last;
      else
        held.push_back({*at, *at + 1});
    }
  if (fetched.empty())
    from->fetched.erase(queue);
  if (!held.empty())
    out_.add(settle{what.what, what.channel->id, queue, 0, std::move(held), mastership});
}

void home_side::begin_consumer(const consumer_ref& who, epoch mastership, bridge_step& step) {
  channel& from = channel_of(who->channel, step);
  note_use(from, who->queue, mastership);
  const consumer_key key = ++last_consumer_;
  consumers_.emplace(key, consumer_entry{who});
  keys_.emplace(who.get(), key);
  from.consumers.insert(key);
  consume what;
  what.key = key;
  what.channel = who->channel->id;
  what.channel_id = who->channel_id;
  what.connection = who->connection;
  what.queue = who->queue;
  what.queue_name = who->queue_name;
  what.tag = who->tag;
  what.no_ack = who->no_ack;
  what.exclusive = who->exclusive;
  what.windowed = static_cast<bool>(who->window);
  what.prefetch = who->prefetch;
  what.priority = who->priority;
  what.arguments = who->arguments;
  what.mastership = mastership;
  if (who->window) {
    from.window = who->window;
    if (from.lent == 0 && who->window->limit.load() > tight_window) // so that the first deliveries need not ask
      from.wanted = std::max(from.wanted, loan_places);
    // What was asked for when there was no room is not asked for again; and of the room there is now only consumers
    // that were here have been told.
    lend_places(who->channel->id, from);
  }
  out_.add(std::move(what));
}

void home_side::leave_queue(channel& from, queue_id queue, const replication::channel_id& publisher) {
  forget_queue(from, queue, false); // gone says it
  out_.add(ask{ask::kind::gone, from.address->id, queue, false, false, false, 0, 0, publisher});
}

void home_side::forget_queue(channel& from, queue_id queue, bool tell) {
  from.queues.erase(queue);
  from.fetched.erase(queue);
  for (auto at = from.consumers.begin(); at != from.consumers.end();) {
    const auto one = consumers_.find(*at++);
    if (one->second.who->queue == queue)
      erase_consumer(one, tell);
  }
}

void home_side::channel_ended(uint64_t key) {
  const auto at = channels_.find(key);
  if (at == channels_.end())
    return;
  while (!at->second.consumers.empty())
    erase_consumer(consumers_.find(*at->second.consumers.begin()), false); // the end says it
  channels_.erase(at);
  std::erase_if(forgotten_, [key](const auto& each) { return each.second == key; });
  out_.add(bridging::channel_ended{key});
}

// -- consumers
// ---------------------------------------------------------------------------------------------------------

home_side::consumer_at home_side::find_consumer(const consumer_ref& who) {
  const auto at = keys_.find(who.get());
  return at == keys_.end() ? consumers_.end() : consumers_.find(at->second);
}

void home_side::erase_consumer(consumer_at at, bool tell) {
  if (tell)
    out_.add(forget{at->first});
  keys_.erase(at->second.who.get());
  const channel_key channel_id = at->second.who->channel->id;
  channel* of = find_channel(channel_id);
  const consumer_key key = at->first;
  if (at->second.who->window)
    forgotten_.emplace(key, channel_id);
  consumers_.erase(at);
  if (!of)
    return;
  of->consumers.erase(key);
  if (tell)
    recall_if_idle(*of);
}

/// Nobody over there can use what the channel has lent.
void home_side::recall_if_idle(channel& of) {
  if (of.lent == 0 || of.recalled)
    return;
  for (const consumer_key key : of.consumers)
    if (const consumer_entry& each = consumers_.at(key); each.who->window && !each.ended)
      return;
  of.recalled = true;
  of.wanted = 0;
  out_.add(recall{of.address->id});
}

void home_side::forget_if_settled(consumer_at at) {
  if (at->second.ended && at->second.unsettled == 0)
    erase_consumer(at, true);
}

/// The other node hears what the client's socket has taken since the last time.
void home_side::report_written(consumer_key key, consumer_entry& entry) {
  const int64_t bytes = entry.unreported - std::max<int64_t>(0, entry.who->unwritten_bytes.load());
  if (bytes <= 0)
    return;
  entry.unreported -= bytes;
  out_.add(written{key, static_cast<uint64_t>(bytes)});
}

void home_side::flow(consumer_entry& entry, uint64_t bytes) {
  consumer& who = *entry.who;
  who.unwritten_bytes.fetch_add(static_cast<int64_t>(bytes));
  entry.unreported += static_cast<int64_t>(bytes);
  // Before the session gets these bytes, so that it cannot write the last of them without seeing the mark.
  if (entry.unreported >= report_above)
    who.starved.store(true);
}

// -- the prefetch window
// -----------------------------------------------------------------------------------------------

void home_side::lend_places(channel_key key, channel& to) {
  if (!to.window || to.wanted == 0)
    return;
  const uint32_t limit = to.window->limit.load();
  const bool tight = limit <= tight_window;
  const uint32_t most = tight ? std::max(to.wanted, (limit + 1) / 2) : std::max(to.wanted, loan_places);
  const uint32_t places = reserve(*to.window, most, tight);
  if (places == 0)
    return; // asked again when the window has room
  to.lent += places;
  to.wanted = 0;
  out_.add(lend{key, places, tight});
}

void home_side::window_has_room(channel_key key, channel& from) {
  // basic.qos may have made the window smaller than what is lent.
  if (from.lent > 0 && !from.recalled && from.window && from.window->unacked.load() > from.window->limit.load()) {
    from.recalled = true;
    out_.add(recall{key});
  }
  lend_places(key, from);
}

void home_side::give_back(channel& from, int64_t places, bridge_step& step) {
  from.lent -= places;
  const int64_t before = from.window->unacked.fetch_sub(places);
  const int64_t limit = from.window->limit.load();
  if (before >= limit && before - places < limit)
    add_event(step, from.address, window_returned{});
}

int64_t home_side::places_lent() const {
  int64_t sum = 0;
  for (const auto& [key, each] : channels_)
    sum += each.lent;
  return sum;
}

// -- operators
// ---------------------------------------------------------------------------------------------------------

void home_side::ask_report(bool session, uint64_t asker, queue_id queue, bool consumers, uint64_t now_ms,
                           bridge_step& step) {
  if (!session) {
    step.unanswered.push_back(asker);
    return;
  }
  const report_key key = ++last_report_;
  questions_.emplace(key, question{asker, now_ms + report_ms});
  out_.add(report_ask{key, queue, consumers});
  want_tick(step, report_ms);
}

void home_side::tick(uint64_t now_ms, bridge_step& step) {
  while (!questions_.empty() && questions_.begin()->second.due_ms <= now_ms) {
    step.unanswered.push_back(questions_.begin()->second.asker);
    questions_.erase(questions_.begin());
  }
  if (!questions_.empty())
    want_tick(step, questions_.begin()->second.due_ms - now_ms);
}

// -- the end of a session
// ---------------------------------------------------------------------------------------------------

void home_side::session_ends(bridge_step& step) {
  for (auto& [key, entry] : consumers_)
    entry.who->starved.store(false);
  consumers_.clear();
  keys_.clear();
  forgotten_.clear();
  for (auto& [key, each] : channels_) {
    each.consumers.clear();
    each.fetched.clear();
    each.wanted = 0;
    each.recalled = false;
    for (const auto& [queue, mastership] : std::exchange(each.queues, {}))
      lose(each.address, queue, mastership, step);
    if (each.lent > 0)
      give_back(each, each.lent, step);
    each.window = nullptr;
  }
  for (hold& each : holds_)
    for (; each.count > 0; --each.count)
      each.batch->release();
  holds_.clear();
  first_hold_ = 0;
  last_consumer_ = 0;
  for (const auto& [key, each] : questions_)
    step.unanswered.push_back(each.asker);
  questions_.clear();
}

void home_side::check() const {
  BROKER_ASSERT(keys_.size() == consumers_.size(), "every consumer has its key");
  size_t of_channels = 0;
  for (const auto& [key, each] : channels_) {
    of_channels += each.consumers.size();
    BROKER_ASSERT(each.lent >= 0 && (each.lent == 0 || each.window), "places are lent by a window");
    for (const consumer_key consumer : each.consumers) {
      const auto at = consumers_.find(consumer);
      BROKER_ASSERT(at != consumers_.end() && at->second.who->channel == each.address, "consumers are their channel's");
    }
  }
  BROKER_ASSERT(of_channels == consumers_.size(), "every consumer has its channel");
  BROKER_ASSERT(holds_.empty() || holds_.front().count > 0, "what is taken over goes from the front");
}

} // namespace broker::bridging
