// Publishes: routed run by run, returned, handed to queues and confirmed (features.md W19, W22, W46, W47, W66-W68).

#include <utility>

#include "amqp/reply.hpp"
#include "channel/channel_impl.hpp"
#include "channel/message_checks.hpp"
#include "model/routed_message.hpp"

namespace broker {
namespace {

/// Flags that make a message one to look into, rather than part of a run.
constexpr uint16_t looked_into =
  message::has_headers | message::has_user_id | message::has_expiration | message::has_reply_to;

/// Milliseconds the exchange keeps this publish back. Error: 406 of its type.
result<uint64_t> delay_of(const exchange_record& exchange, const message& what) {
  return exchange.delay_queue ? exchange.plugin->delay_ms(routed_message{what}.input()) : result<uint64_t>{uint64_t{0}};
}

bool is_direct_reply(const message& what) {
  return what.exchange().empty() && what.routing_key().starts_with(reply_to_name);
}

bool no_exchange(const result<const route*>& found) {
  return !found && found.error().code == amqp::reply::not_found;
}

} // namespace

void channel_state::impl::publish(const batch_ref& batch, slice run) {
  BROKER_ASSERT(run.lo < run.hi && run.hi <= batch->messages.size(), "a run lies within its batch");
  const message& first = batch->messages[run.lo];
  if (first.has(message::immediate))
    return fail(amqp::not_implemented("immediate=true"));
  if ((first.flags & looked_into) != 0)
    return publish_singly(batch, run);
  const auto found = routes_.find(metadata(), first);
  if (no_exchange(found) && waits_for_routes(batch, run))
    return;
  if (!found)
    return fail(found.error());
  if ((*found)->each_alone())
    return publish_singly(batch, run);
  if ((*found)->queues.empty() && !is_direct_reply(first) && waits_for_routes(batch, run))
    return;
  for (const queue_ptr& copied : (*found)->copied)
    use(copied->id, copied->name);
  accept(batch, run, (*found)->queues, (*found)->counter.get());
}

void channel_state::impl::publish_singly(const batch_ref& batch, slice run) {
  for (uint32_t i = run.lo; i < run.hi; ++i)
    if (!publish_checked(batch, {i, run.hi}))
      return;
}

bool channel_state::impl::publish_checked(const batch_ref& batch, slice rest) {
  const uint32_t index = rest.lo;
  const message& what = batch->messages[index];
  const auto found = routes_.find(metadata(), what);
  if (no_exchange(found) && waits_for_routes(batch, rest))
    return false;
  if (!found) {
    fail(found.error());
    return false;
  }
  const route& where = **found;
  const bool extra_keys = may_have_extra_keys(what);
  std::vector<queue_id> own_queues;
  std::vector<queue_ptr> own_copied;
  const bool has_own = extra_keys || where.by == routed_by::properties
                    || (where.by == routed_by::headers && what.has(message::has_headers));
  if (has_own)
    routes_.route_one(metadata(), *where.exchange, what, own_queues, own_copied);
  const std::span<const queue_id> queues{has_own ? std::as_const(own_queues) : where.queues};
  if (queues.empty() && !is_direct_reply(what) && waits_for_routes(batch, rest))
    return false;
  const auto delay = delay_of(*where.exchange, what);
  if (!delay) {
    fail(delay.error());
    return false;
  }
  if (extra_keys && where.exchange->kind == exchange_type::topic)
    if (const auto allowed = may_publish_keys(*where.exchange, what); !allowed) {
      fail(allowed.error());
      return false;
    }
  batch_ref changed;
  if (extra_keys || what.has(message::has_user_id) || what.has(message::has_expiration) || may_use_direct_reply(what)) {
    auto properties = checked_properties(what, settings_.user);
    const auto rewritten = properties ? rewrite(*properties, *delay > 0) : result<bool>{properties.error()};
    if (!rewritten) {
      fail(rewritten.error());
      return false;
    }
    if (*rewritten)
      changed = with_properties(batch, index, *properties);
  }
  if (where.traced)
    trace_publish(*where.exchange, what);
  for (const queue_ptr& each : has_own ? std::as_const(own_copied) : where.copied)
    use(each->id, each->name);
  if (changed) {
    flush_publishes();
    changed->first_confirm = batch->first_confirm + index;
    accept(changed, {0, 1}, queues, where.counter.get());
    flush_publishes();
  } else {
    accept(batch, {index, index + 1}, queues, where.counter.get());
  }
  return phase_ == phase::open;
}

/// Topic permissions apply to the keys in CC and BCC as well (W47, O33).
result<void> channel_state::impl::may_publish_keys(const exchange_record& to, const message& what) {
  const routed_message routed{what};
  for (const std::string_view key : routed.keys())
    if (auto allowed = metadata().authorise_topic(settings_.user, to, access::write, key); !allowed)
      return allowed;
  return {};
}

result<bool> channel_state::impl::rewrite(amqp::properties& properties, bool keep_bcc) {
  bool changed = false;
  if (properties.reply_to == reply_to_name) {
    if (!reply_consumer_)
      return amqp::precondition_failed("fast reply consumer does not exist");
    properties.reply_to = reply_address_;
    changed = true;
  }
  if (!keep_bcc && properties.headers && properties.headers->find("BCC")) {
    std::erase_if(properties.headers->entries, [](const auto& entry) { return entry.first == "BCC"; });
    changed = true;
  }
  return changed;
}

void channel_state::impl::accept(const batch_ref& batch, slice run, std::span<const queue_id> queues,
                                 exchange_counter* counter) {
  const message& first = batch->messages[run.lo];
  if (is_direct_reply(first))
    send_direct_reply(batch, run);
  if (tx_) {
    if (const auto staged = tx_->stage(batch, run, queues); !staged)
      fail(staged.error());
    return;
  }
  next_number_ += run.size();
  if (counter != nullptr)
    counter->count(run.size(), queues.size());
  dispatch(batch, run, queues);
  if (confirming())
    confirms_.expect(batch->first_confirm + run.lo, run.size(), queues);
}

void channel_state::impl::dispatch(const batch_ref& batch, slice run, std::span<const queue_id> queues) {
  counts_[counted::publish] += run.size();
  if (!queues.empty())
    return outbox_.add(batch, run, queues);
  const bool mandatory = batch->messages[run.lo].has(message::mandatory);
  counts_[mandatory ? counted::return_unroutable : counted::drop_unroutable] += run.size();
  if (mandatory)
    return_unroutable(batch, run);
}

void channel_state::impl::return_unroutable(const batch_ref& batch, slice run) {
  for (uint32_t i = run.lo; i < run.hi; ++i) {
    const message& what = batch->messages[i];
    outgoing returned;
    returned.what = outgoing::kind::content;
    returned.channel = settings_.number;
    returned.bytes = encoded(amqp::basic_class::return_{amqp::reply::no_route, "NO_ROUTE", std::string{what.exchange()},
                                                        std::string{what.routing_key()}});
    returned.run = {batch, {i, i + 1}, 0};
    step_->out.push_back(std::move(returned));
  }
}

void channel_state::impl::flush_publishes() {
  const bool confirm = confirming() || committing_;
  const size_t first = step_->requests.size();
  outbox_.flush(self_, confirm, step_->requests);
  if (confirm && !replicated_.empty())
    keep_publishes(first);
}

void channel_state::impl::tell_confirms() {
  if (phase_ != phase::open)
    return;
  if (committing_)
    return finish_commit();
  if (!confirming())
    return;
  const uint64_t waiting = confirms_.unconfirmed();
  confirms_.flush([&](confirm_number number, bool multiple, bool rejected) {
    const delivery_tag told = number - *confirm_offset_;
    if (rejected)
      send(amqp::basic_class::nack{told, multiple, false});
    else
      send(amqp::basic_class::ack{told, multiple});
  });
  counts_[counted::confirm] += waiting - confirms_.unconfirmed();
}

void channel_state::impl::confirm_select(bool no_wait) {
  if (tx_)
    return fail(amqp::precondition_failed("cannot switch from tx to confirm mode"));
  if (!confirming()) {
    confirm_offset_ = next_number_ - 1;
    confirms_.start(next_number_);
  }
  reply(no_wait, amqp::confirm_class::select_ok{});
}

void channel_state::impl::tx_select() {
  if (confirming())
    return fail(amqp::precondition_failed("cannot switch from confirm to tx mode"));
  if (!tx_)
    tx_.emplace();
  send(amqp::tx_class::select_ok{});
}

void channel_state::impl::tx_commit() {
  if (!tx_)
    return fail(amqp::precondition_failed("channel is not transactional"));
  const transaction work = std::move(*tx_);
  tx_.emplace();
  committing_ = true;
  confirms_.start(next_number_);
  for (const auto& batch : work.batches()) {
    batch->first_confirm = next_number_;
    next_number_ += batch->messages.size();
  }
  for (const auto& staged : work.publishes()) {
    const batch_ref& batch = work.batches()[staged.batch];
    if (outbox_.batch() && !(outbox_.batch() == batch))
      flush_publishes();
    const auto queues = work.queues(staged);
    if (settings_.exchanges != nullptr)
      settings_.exchanges->add(settings_.vhost, batch->messages[staged.where.lo].exchange(),
                               {staged.where.size(), staged.where.size() * queues.size()});
    dispatch(batch, staged.where, queues);
    confirms_.expect(batch->first_confirm + staged.where.lo, staged.where.size(), queues);
  }
  flush_publishes();
  for (const auto& settled : work.settlements())
    settle_now(settled.what, settled.taken);
  finish_commit();
}

void channel_state::impl::finish_commit() {
  confirms_.flush([](confirm_number, bool, bool) {});
  if (confirms_.waiting())
    return;
  committing_ = false;
  if (confirms_.take_rejected())
    return fail(amqp::precondition_failed("partial tx completion"), amqp::tx_class::commit::code);
  send(amqp::tx_class::commit_ok{});
}

void channel_state::impl::tx_rollback() {
  if (!tx_)
    return fail(amqp::precondition_failed("channel is not transactional"));
  unacked_tags::blocks taken;
  for (const auto& settled : tx_->settlements())
    taken.insert(taken.end(), settled.taken.begin(), settled.taken.end());
  unacked_.put_back(taken);
  tx_.emplace();
  send(amqp::tx_class::rollback_ok{});
}

} // namespace broker
