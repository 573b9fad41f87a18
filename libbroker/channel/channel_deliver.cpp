// Deliveries and settlements (features.md W61-W65): tags going out, acks coming back, the channel-wide prefetch window.

#include <utility>

#include "amqp/reply.hpp"
#include "channel/channel_impl.hpp"
#include "channel/plant.hpp"

namespace broker {

void channel_state::impl::deliver(delivered& what) {
  const uint32_t count = what.run.where.size();
  if (is_late(what.who)) { // its master is none any more, or takes it back
    if (!what.who->no_ack)
      request(
        what.who->queue,
        settle_request{settle_request::kind::requeue, self_, what.who, {{what.run.first, what.run.first + count}}});
    if (what.who->window && !channels::planted(channels::plant::places_kept))
      free_places(count);
    return;
  }
  if (traced())
    trace_deliveries(what.run, what.who->queue_name, what.redelivered);
  counts_[what.who->no_ack ? counted::deliver_no_ack : counted::deliver] += count;
  counts_[counted::redeliver] += what.redelivered ? count : 0;
  outgoing out;
  out.what = outgoing::kind::deliver;
  out.redelivered = what.redelivered;
  out.channel = settings_.number;
  out.first_tag = next_tag_;
  out.flow_bytes = what.bytes;
  if (!what.who->no_ack)
    unacked_.add(next_tag_, count, what.run.first, what.who->queue, what.who);
  next_tag_ += count;
  out.who = std::move(what.who);
  out.run = std::move(what.run);
  step_->out.push_back(std::move(out));
}

void channel_state::impl::give(got& what) {
  const delivery_tag tag = next_tag_++;
  const message& fetched = what.run.batch->messages[what.run.where.lo];
  ++counts_[what.no_ack ? counted::get_no_ack : counted::get];
  counts_[counted::redeliver] += what.redelivered ? 1 : 0;
  outgoing out;
  out.what = outgoing::kind::content;
  out.channel = settings_.number;
  out.bytes = encoded(amqp::basic_class::get_ok{tag, what.redelivered, std::string{fetched.exchange()},
                                                std::string{fetched.routing_key()}, what.messages_left});
  if (!what.no_ack)
    unacked_.add(tag, 1, what.run.first, what.queue, nullptr);
  out.run = std::move(what.run);
  step_->out.push_back(std::move(out));
}

void channel_state::impl::on_cancelled(const consumer_cancelled& what) {
  const auto known = consumers_.find(what.who->tag);
  if (known == consumers_.end() || !(known->second == what.who))
    return;
  const consumer_ref who = known->second;
  consumers_.erase(known);
  // The client's own basic.cancel was on its way: it gets its cancel-ok instead of a cancel.
  if (cancelling(who))
    give_answer(asked_, nullptr);
  else if (settings_.consumer_cancel_notify)
    send(amqp::basic_class::cancel{who->tag, true});
}

void channel_state::impl::acknowledge(const channel_op& op) {
  settle(settle_request::kind::ack, op.first, op.last, op.multiple);
}

void channel_state::impl::settle(settle_request::kind what, delivery_tag first, delivery_tag last, bool multiple) {
  unacked_tags::blocks taken;
  std::optional<delivery_tag> unknown;
  if (!multiple)
    unknown = unacked_.take(first, last, taken);
  else if (last == 0)
    unacked_.take_all(taken);
  else if (!unacked_.take_up_to(last, taken))
    unknown = last;
  settle(what, std::move(taken));
  if (unknown)
    fail(amqp::precondition_failed("unknown delivery tag " + std::to_string(*unknown)));
}

void channel_state::impl::settle(settle_request::kind what, unacked_tags::blocks taken) {
  if (taken.empty())
    return;
  if (tx_)
    tx_->stage(what, std::move(taken));
  else
    settle_now(what, taken);
}

void channel_state::impl::settle_now(settle_request::kind what, const unacked_tags::blocks& taken) {
  for (auto& [queue, settlement] : settle_requests(taken, what, self_)) {
    if (what == settle_request::kind::ack)
      for (const seq_range& one : settlement.seqs)
        counts_[counted::ack] += one.size();
    request(queue, std::move(settlement));
  }
  if (const auto settled = static_cast<int64_t>(windowed_messages(taken)); settled > 0)
    free_places(settled);
}

void channel_state::impl::free_places(int64_t count) {
  const int64_t before = window_->unacked.fetch_sub(count);
  const int64_t limit = window_->limit.load();
  if (before >= limit && before - count < limit)
    window_has_room();
}

void channel_state::impl::make_window() {
  if (window_)
    return;
  window_ = make_ref<prefetch_window>();
  set_window(window_limit_);
}

void channel_state::impl::set_window(uint32_t limit) {
  const bool changed = std::exchange(window_limit_, limit) != limit;
  if (!window_)
    return;
  // Even an unlimited channel remembers a bounded number of deliveries.
  window_->limit.store(limit == 0 ? limits::unacked_per_channel_max : limit);
  if (changed) // else a consumer would lose its turn, or gain one, by a basic.qos that is not about it
    window_has_room();
}

void channel_state::impl::window_has_room() {
  for (const auto& [tag, who] : consumers_)
    if (who->window)
      request(who->queue, consumer_ready{who});
}

} // namespace broker
