// Replicated queues as a channel sees them (features.md Q11; guarantees.md G2, G5): their masters go and come, and the
// client does not notice. Publishes that are not confirmed, the question that waits and what consumers are is kept here
// and brought to the next master. Channels that use no replicated queue pay for an empty map.

#include <algorithm>

#include "base/assert.hpp"
#include "channel/channel_impl.hpp"
#include "channel/plant.hpp"
#include "channel/reply_texts.hpp"

namespace broker {

using channels::plant;
using channels::planted;

namespace {

/// The same consumer for another master: what the earlier one still says of it is told apart by the object.
consumer_ref renewed(const consumer& who) {
  auto fresh = make_ref<consumer>();
  fresh->tag = who.tag;
  fresh->channel = who.channel;
  fresh->channel_id = who.channel_id;
  fresh->connection = who.connection;
  fresh->queue = who.queue;
  fresh->queue_name = who.queue_name;
  fresh->no_ack = who.no_ack;
  fresh->exclusive = who.exclusive;
  fresh->prefetch = who.prefetch;
  fresh->priority = who.priority;
  fresh->window = who.window;
  fresh->arguments = who.arguments;
  return fresh;
}

bool wants_to_hear_of_moves(const consumer& who) {
  const auto* wish = who.arguments.find("x-cancel-on-ha-failover");
  const auto* yes = wish ? std::get_if<bool>(&wish->value) : nullptr;
  return yes && *yes;
}

} // namespace

replicated_use* channel_state::impl::find_use(queue_id queue) {
  if (replicated_.empty())
    return nullptr;
  const auto at = replicated_.find(queue);
  return at == replicated_.end() ? nullptr : &at->second;
}

/// 0: it is not replicated, as far as is known here.
epoch channel_state::impl::mastership_of(queue_id queue) {
  const auto* const use = find_use(queue);
  return use ? use->mastership : 0;
}

void channel_state::impl::use(queue_id queue, std::string_view name) {
  if (!copies_ || replicated_.contains(queue))
    return;
  const auto record = metadata().find_queue(settings_.vhost, name);
  if (!record || record->id != queue || !record->placement)
    return;
  replicated_use& fresh = replicated_[queue];
  fresh.name = record->name;
  fresh.mastership = record->mastership;
  // Was it used before it was replicated? Then queue_moved is on its way, and comes too late to be acted upon.
  lose_master(queue, fresh, true);
  found_master(fresh);
  confirms_.queue_lost(queue);
  begin_anew(queue);
}

bool channel_state::impl::is_current(queue_id queue, epoch from) {
  const replicated_use* use = from == 0 ? nullptr : find_use(queue);
  return !use || from >= use->mastership;
}

bool channel_state::impl::is_late(const consumer_ref& who) {
  if (!find_use(who->queue) || planted(plant::late_delivered))
    return false;
  const auto known = consumers_.find(who->tag);
  return known == consumers_.end() || !(known->second == who);
}

// -- no master
// ----------------------------------------------------------------------------------------------------------

/// `node`: its node is out of reach, and with it everything that was under way. Or was: when connections break and come
/// back quickly the master may know of consumers that began in between. They are ended, and what they hold goes back.
void channel_state::impl::lose_master(queue_id queue, replicated_use& use, bool node) {
  masterless_ += use.masterless ? 0 : 1;
  use.masterless = true;
  if (!node || use.lost)
    return;
  use.lost = true;
  give_back(queue);
  consumer_ref ended;
  for (auto& [tag, who] : consumers_)
    if (who->queue == queue && cancelling(who)) {
      ended = who;
    } else if (who->queue == queue) {
      request(queue, cancel_request{who});
      renew(who);
    }
  if (ended)
    on_cancelled({ended});
}

void channel_state::impl::found_master(replicated_use& use) {
  if (!use.masterless)
    return;
  use.masterless = use.lost = false;
  use.masterless_since_ms.reset();
  --masterless_;
}

void channel_state::impl::on_master_left(const consumer_cancelled& what) {
  const auto known = consumers_.find(what.who->tag);
  if (known == consumers_.end() || !(known->second == what.who))
    return; // it has begun anew elsewhere
  if (cancelling(what.who))
    return on_cancelled(what);
  if (auto* const use = find_use(what.who->queue))
    lose_master(what.who->queue, *use, false);
}

/// What was asked there is asked again when queue_moved comes; it has come if the channel knows of a later mastership.
/// A queue that was not replicated when it was asked has become so: `from` is 0, and queue_moved comes all the same.
void channel_state::impl::on_turned_away(queue_id queue, epoch from) {
  auto* const use = find_use(queue);
  if (use && from >= use->mastership)
    lose_master(queue, *use, false);
  run();
}

void channel_state::impl::forget_use(queue_id queue) {
  auto* const use = find_use(queue);
  if (!use)
    return;
  if (use->publishes)
    use->publishes->give_up();
  found_master(*use);
  replicated_.erase(queue);
}

void channel_state::impl::renew(consumer_ref& who) {
  const bool asked = on_answer_ && asked_who_ == who;
  if (!planted(plant::same_consumer))
    who = renewed(*who);
  if (!asked)
    return;
  asked_who_ = who;
  question_ = consume_request{who};
}

/// What was delivered goes back to the master, if it is still the one that delivered it, and is settled here alone.
void channel_state::impl::give_back(queue_id queue) {
  unacked_tags::blocks held;
  unacked_.for_each_block([&](const unacked_block& block) {
    if (block.queue == queue)
      held.push_back(block);
    return true;
  });
  for (auto& [to, settlement] : settle_requests(held, settle_request::kind::requeue, self_))
    request(to, std::move(settlement));
  make_void(queue);
}

/// A get that reached its master while the channel took that for out of reach is asked again and answered twice. What
/// the answer too many brings goes back, or nobody would settle it as long as this channel lives.
void channel_state::impl::give_back(const got& unasked, epoch from) {
  if (!unasked.run.batch || unasked.no_ack || from != mastership_of(unasked.queue) || planted(plant::unasked_kept))
    return;
  const seqno first = unasked.run.first;
  request(unasked.queue, settle_request{settle_request::kind::requeue, self_, nullptr, {{first, first + 1}}});
}

/// What was delivered so far is settled here alone.
void channel_state::impl::make_void(queue_id queue) {
  if (planted(plant::settled_elsewhere))
    return;
  unacked_.make_void(queue);
  if (tx_)
    tx_->make_void(queue);
}

// -- another master
// -----------------------------------------------------------------------------------------------------

void channel_state::impl::queue_moved(queue_id queue, epoch mastership) {
  if (phase_ != phase::open)
    return;
  auto* use = find_use(queue);
  if (use && (mastership < use->mastership || (mastership == use->mastership && !use->lost)))
    return;
  if (use && mastership == use->mastership && planted(plant::return_ignored))
    return;
  if (!use) {
    std::string name = name_of(queue);
    if (name.empty())
      return; // it is not used here
    use = &replicated_[queue];
    use->name = std::move(name);
  }
  const bool same = use->mastership == mastership;
  use->mastership = mastership;
  found_master(*use);
  use->gap_at.reset();
  if (same)
    give_back(queue);
  else
    make_void(queue);
  if (!use->publishes) {
    confirms_.queue_lost(queue); // of the time before it was replicated: nobody has kept them
  } else {
    if (!use->publishes->retarget(mastership))
      use->publishes->gap();
    send_again(queue, *use);
  }
  begin_anew(queue);
  if (on_answer_ && asked_ == queue && question_)
    request(queue, *question_);
  run();
}

/// Of a queue that was not replicated when it was used first; "": it is not used.
std::string channel_state::impl::name_of(queue_id queue) {
  for (const auto& [tag, who] : consumers_)
    if (who->queue == queue)
      return who->queue_name;
  if (const auto watched = watched_.find(queue); watched != watched_.end())
    return watched->second;
  std::string name;
  if (confirms_.owed_by(queue) || (on_answer_ && asked_ == queue))
    metadata().for_each_queue([&](const queue_ptr& each) {
      if (each->id == queue)
        name = each->name;
    });
  return name;
}

/// Consumers go on; the one that is about to begin is part of the question.
void channel_state::impl::begin_anew(queue_id queue) {
  std::vector<consumer_ref> ended;
  for (auto& [tag, who] : consumers_) {
    if (who->queue != queue)
      continue;
    const bool asked = on_answer_ && asked_who_ == who;
    if (asked ? cancelling(who) : wants_to_hear_of_moves(*who)) {
      ended.push_back(who);
      continue;
    }
    renew(who);
    if (!asked && !planted(plant::nothing_begun))
      request(queue, consume_request{who});
  }
  for (const auto& who : ended)
    on_cancelled({who});
}

// -- publishes
// ----------------------------------------------------------------------------------------------------------

void channel_state::impl::keep_publishes(size_t first) {
  if (settings_.publisher.none())
    return;
  auto& requests = step_->requests;
  size_t kept = first;
  for (size_t at = first; at < requests.size(); ++at) {
    auto* const use = find_use(requests[at].first);
    auto& publish = std::get<publish_request>(requests[at].second);
    if (use && !use->publishes) {
      use->publishes.emplace(settings_.publisher);
      use->publishes->retarget(use->mastership);
      keeps_publishes_ = true;
    }
    if (use)
      for (const slice& one : publish.slices)
        use->publishes->add(publish.batch, one);
    if (use && use->lost) {
      publish.batch->release();
      continue;
    }
    if (use) {
      auto order = use->publishes->next();
      BROKER_ASSERT(order.batch == publish.batch && !use->publishes->wants_send(), "everything before was sent");
      publish.slices = std::move(order.slices);
      publish.from = {order.channel, planted(plant::prev_forgotten) ? 0 : order.prev};
    }
    if (kept != at)
      requests[kept] = std::move(requests[at]);
    ++kept;
  }
  requests.erase(requests.begin() + static_cast<ptrdiff_t>(kept), requests.end());
}

void channel_state::impl::send_again(queue_id queue, replicated_use& use) {
  while (use.publishes->wants_send()) {
    auto order = use.publishes->next();
    if (planted(plant::nothing_sent_again))
      continue;
    order.batch->hold();
    const uint64_t prev = planted(plant::prev_forgotten) ? 0 : order.prev;
    request(queue, publish_request{order.batch, std::move(order.slices), self_, true, {order.channel, prev}});
  }
}

void channel_state::impl::on_confirmed(const confirmed& what) {
  if (auto* const use = find_use(what.queue)) {
    if (use->publishes && !planted(plant::confirmed_kept))
      use->publishes->done(what.numbers, what.rejected);
    use->gap_at.reset();
  }
  confirms_.answer(what.queue, what.numbers, what.rejected);
}

void channel_state::impl::on_gap(const publish_gap& what, epoch from) {
  auto* const use = find_use(what.queue);
  if (!use || !use->publishes || use->publishes->idle() || use->lost || !is_current(what.queue, from))
    return;
  if (from != 0 && use->gap_at == what.last_number)
    return; // everything behind it has been sent again
  use->gap_at = what.last_number;
  use->publishes->gap(what.last_number);
  send_again(what.queue, *use);
}

// -- what takes too long
// ------------------------------------------------------------------------------------------------

/// The queue is deleted, and nobody is left who could say so. A master that is deposed answers no publish that it
/// holds, and one that hears of the deletion afterwards has forgotten them. What it answered before that has come by
/// the second look.
bool channel_state::impl::is_orphaned(queue_id queue, replicated_use& use) {
  if (!use.masterless && (!use.publishes || use.publishes->idle()))
    return false;
  const auto record = metadata().find_queue(settings_.vhost, use.name);
  if (record && record->id == queue)
    return false;
  return use.masterless || std::exchange(use.orphaned, true);
}

void channel_state::impl::look_at_masters(uint64_t now_ms) {
  std::vector<queue_id> gone;
  for (auto& [queue, use] : replicated_) {
    if (is_orphaned(queue, use)) {
      gone.push_back(queue);
      continue;
    }
    if (use.masterless && !use.masterless_since_ms)
      use.masterless_since_ms = now_ms;
    if (use.publishes)
      look_at_publishes(queue, use, now_ms);
  }
  for (const queue_id queue : gone)
    queue_gone(queue);
  if (phase_ == phase::open)
    look_at_question(now_ms);
}

/// Never silence (G2): whoever waits for a master, or for enough members in sync, hears that it is not confirmed.
void channel_state::impl::look_at_publishes(queue_id queue, replicated_use& use, uint64_t now_ms) {
  const uint64_t oldest = use.publishes->first_unconfirmed();
  if (oldest == 0 || oldest != use.oldest) {
    use.oldest = oldest;
    use.oldest_since_ms = now_ms;
    return;
  }
  if (now_ms - use.oldest_since_ms < confirm_timeout_ms)
    return;
  use.oldest = 0;
  use.gap_at.reset();
  use.publishes->give_up();
  confirms_.queue_lost(queue);
}

void channel_state::impl::look_at_question(uint64_t now_ms) {
  const auto* const use = on_answer_ ? find_use(asked_) : nullptr;
  if (!use)
    return;
  const auto record = metadata().find_queue(settings_.vhost, use->name);
  // Asked of a master whose move came with the deletion: nobody took the question, and no move is told. What a master
  // answered before it heard of the deletion has come by the second look.
  if ((!record || record->id != asked_) && std::exchange(question_orphaned_, true))
    return queue_gone(asked_);
  if (!use->masterless_since_ms || now_ms - *use->masterless_since_ms < master_wait_ms)
    return;
  on_answer_ = nullptr;
  question_.reset();
  fail(record ? home_node_down(record->node, record->vhost, record->name) : no_such_queue(settings_.vhost, use->name));
  run();
}

} // namespace broker
