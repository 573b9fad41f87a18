#include "queue/delay_queue.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "amqp/properties.hpp"
#include "base/overloaded.hpp"
#include "model/exchange_plugin.hpp"
#include "model/routed_message.hpp"
#include "queue/outbox.hpp"

namespace broker {
namespace {

/// 0 when the exchange has been deleted meanwhile, and the queue with it.
uint64_t delay_of(const exchange_record* exchange, const message& what) {
  if (!exchange || !exchange->plugin)
    return 0;
  const auto delay = exchange->plugin->delay_ms(routed_message{what}.input());
  return delay ? std::min(*delay, message_facts::deadline_max_ms / 2) : 0; // a plug-in may say anything
}

/// A message it refuses has ended there, as a dead letter of that queue (W51).
bool buries_what_it_refuses(const queue_record& queue) {
  const queue_options* options = queue.options.get();
  return options && options->overflow == overflow_policy::reject_publish_dlx && options->dead_letter_exchange;
}

} // namespace

delay_queue::delay_queue(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
                         const recovered_queue* recovered)
  : record_(std::move(record)), settings_(std::move(settings)), store_(store), forwarder_(settings_.address) {
  if (!recovered)
    return;
  next_ = durable_ = recovered->next;
  for (const recovered_run& run : recovered->runs)
    for (seqno seq = run.first; seq < run.first + run.count; ++seq)
      waiting_.push_back({run.facts.deadline_ms, seq});
  std::make_heap(waiting_.begin(), waiting_.end(), std::greater{});
}

// -- what is kept -----------------------------------------------------------------------------------------------------

void delay_queue::handle(queue_request request, uint64_t wall_ms, queue_step& step) {
  if (auto* publish = std::get_if<publish_request>(&request))
    keep(*publish, wall_ms, step);
  else
    answer_missing(request, step);
  work(wall_ms, step);
}

void delay_queue::keep(publish_request& request, uint64_t wall_ms, queue_step& step) {
  const batch_ref& batch = request.batch;
  if (deleted_) { // counts as confirmed (W67)
    queueing::outbox out{step, record_->id};
    if (request.confirm)
      for (const slice& one : request.slices)
        out.confirm(request.channel, {batch->first_confirm + one.lo, batch->first_confirm + one.hi});
    return batch->release();
  }
  const auto exchange = settings_.snapshots()->find_exchange(record_->vhost, record_->delays_for);
  for (const slice& one : request.slices) {
    BROKER_ASSERT(one.lo < one.hi && one.hi <= batch->messages.size(), "slice outside its batch");
    for (uint32_t i = one.lo; i < one.hi; ++i) {
      const uint64_t at_ms = wall_ms + delay_of(exchange.get(), batch->messages[i]);
      store_.append(record_->id, batch, {i, i + 1}, next_, true, message_facts{at_ms, 0});
      wait_until(at_ms, next_++);
    }
    if (request.confirm)
      confirms_.add(next_, request.channel, {batch->first_confirm + one.lo, batch->first_confirm + one.hi});
  }
  holds_.add(batch, next_, 0, store_.congested());
}

void delay_queue::wait_until(uint64_t at_ms, seqno seq) {
  waiting_.push_back({at_ms, seq});
  std::push_heap(waiting_.begin(), waiting_.end(), std::greater{});
}

void delay_queue::answer_missing(const queue_request& request, queue_step& step) const {
  queueing::outbox out{step, record_->id};
  const auto missing = [&](const channel_ref& channel) { out.send(channel, queue_missing{record_->id}); };
  std::visit(overloaded{
               [&](const consume_request& what) { missing(what.who->channel); },
               [&](const cancel_request& what) { out.send(what.who->channel, cancel_done{what.who}); },
               [&](const get_request& what) { missing(what.channel); },
               [&](const purge_request& what) { missing(what.channel); },
               [&](const status_request& what) { missing(what.channel); },
               [&](const delete_request& what) { missing(what.channel); }, [](const auto&) {}, // owes no answer
             },
             request);
}

void delay_queue::durable(seqno upto, uint64_t wall_ms, queue_step& step) {
  durable_ = std::max(durable_, upto);
  if (deleted_)
    return;
  queueing::outbox out{step, record_->id};
  confirms_.durable(upto, out);
  holds_.durable(upto, false);
  holds_.release_withheld();
  work(wall_ms, step);
}

void delay_queue::tick(uint64_t wall_ms, queue_step& step) {
  work(wall_ms, step);
}

void delay_queue::deleted(queue_step& step) {
  if (std::exchange(deleted_, true))
    return;
  queueing::outbox out{step, record_->id};
  confirms_.durable(next_, out);
  holds_.release_all();
  waiting_ = {};
  resting_.clear();
  due_.clear();
  again_.clear();
  refused_.clear();
  flying_ = 0;
}

// -- what is due ------------------------------------------------------------------------------------------------------

void delay_queue::work(uint64_t wall_ms, queue_step& step) {
  if (deleted_)
    return;
  take_due(wall_ms);
  read_due();
  forwarder_.flush(step.requests);
  if (!settled_.empty())
    store_.settle(record_->id, std::exchange(settled_, {}));
  // One that is due already waits for an answer of the store or of a queue, and is looked at again with that.
  uint64_t next_ms = UINT64_MAX;
  if (!waiting_.empty() && waiting_.front().at_ms > wall_ms)
    next_ms = waiting_.front().at_ms;
  if (!resting_.empty() && resting_.front().at_ms > wall_ms)
    next_ms = std::min(next_ms, resting_.front().at_ms);
  if (next_ms != UINT64_MAX)
    step.tick_in_ms = std::min<uint64_t>(next_ms - wall_ms, limits::delayed_tick_max_ms);
}

void delay_queue::take_due(uint64_t wall_ms) {
  std::vector<deadline> early; // not yet durable
  while (!waiting_.empty() && waiting_.front().at_ms <= wall_ms && due_.size() < limits::delayed_due_max) {
    const deadline first = waiting_.front();
    std::pop_heap(waiting_.begin(), waiting_.end(), std::greater{});
    waiting_.pop_back();
    if (first.seq < durable_)
      due_.insert(first.seq);
    else
      early.push_back(first);
  }
  for (const deadline& one : early)
    wait_until(one.at_ms, one.seq);
  for (; !resting_.empty() && resting_.front().at_ms <= wall_ms && again_.size() < limits::delayed_due_max;
       resting_.pop_front())
    again_.insert(resting_.front().seq);
}

/// One read at a time: neighbours are read together, and the answer says what to ask for next. Those that were refused
/// come in turn with the others, so that neither keeps the other waiting, however many there are.
void delay_queue::read_due() {
  if (read_ || (due_.empty() && again_.empty()) || !forwarder_.has_room())
    return;
  retried_ = due_.empty() || (!again_.empty() && !retried_);
  const std::set<seqno>& from = retried_ ? again_ : due_;
  seq_range range{*from.begin(), *from.begin() + 1};
  for (auto at = std::next(from.begin()); at != from.end() && *at == range.last; ++at)
    ++range.last;
  read_ = range;
  store_.read(record_->id, range.first, range.last, limits::page_in_bytes);
}

void delay_queue::read_done(const std::vector<stored_run>& runs, uint64_t wall_ms, queue_step& step) {
  if (deleted_)
    return;
  BROKER_ASSERT(read_, "the store answers what it was asked");
  const seq_range asked = *std::exchange(read_, std::nullopt);
  const auto exchange = settings_.snapshots()->find_exchange(record_->vhost, record_->delays_for);
  if (!exchange || !exchange->plugin)
    return; // deleted, and this queue is about to hear of it
  for (const stored_run& run : runs)
    for (uint32_t i = 0; i < run.where.size(); ++i)
      if (due_.erase(run.first + i) + again_.erase(run.first + i) != 0)
        send_out(run.first + i, run.batch->messages[run.where.lo + i], *exchange);
  if (runs.empty()) // damaged on disk: the store has said so, and keeps what it could not read (G7)
    for (auto* set : {&due_, &again_})
      set->erase(set->lower_bound(asked.first), set->lower_bound(asked.last));
  work(wall_ms, step);
}

void delay_queue::send_out(seqno seq, const message& what, const exchange_record& exchange) {
  auto properties = amqp::decode_properties(what.property_bytes());
  BROKER_ASSERT(properties.ok(), "properties are checked before a message is stored");
  exchange.plugin->released(*properties);
  publish_batch& batch = forwarder_.batch();
  queueing::append_republished(batch, what, what.exchange(), what.routing_key(), *properties);
  std::vector<queue_id> targets = targets_of(seq, exchange, batch.messages.back());
  if (targets.empty()) {
    forwarder_.discard();
    return settle(seq);
  }
  if (properties->headers && properties->headers->find("BCC")) { // nobody but routing may see it (W47)
    std::erase_if(properties->headers->entries, [](const auto& entry) { return entry.first == "BCC"; });
    forwarder_.discard();
    queueing::append_republished(batch, what, what.exchange(), what.routing_key(), *properties);
  }
  forwarder_.launch(seq, std::move(targets));
  ++flying_;
}

std::vector<queue_id> delay_queue::targets_of(seqno seq, const exchange_record& exchange, const message& what) {
  if (auto again = refused_.extract(seq))
    return std::move(again.mapped());
  std::vector<queue_ptr> queues;
  settings_.snapshots()->route(exchange, what, queues);
  std::vector<queue_id> targets;
  targets.reserve(queues.size());
  for (const queue_ptr& queue : queues) {
    targets.push_back(queue->id);
    if (buries_what_it_refuses(*queue))
      burying_.insert(queue->id);
    else
      burying_.erase(queue->id);
  }
  return targets;
}

/// `hear` tells the forwarder what has become of some of its messages.
template<class Hear>
void delay_queue::hear_of_targets(uint64_t wall_ms, queue_step& step, Hear hear) {
  if (deleted_)
    return;
  std::vector<queueing::forwarder::outcome> ended;
  hear(ended);
  landed(ended, wall_ms);
  work(wall_ms, step);
}

void delay_queue::answered(const confirmed& what, uint64_t wall_ms, queue_step& step) {
  hear_of_targets(wall_ms, step, [&](auto& ended) { forwarder_.answered(what, ended); });
}

void delay_queue::target_gone(queue_id target, uint64_t wall_ms, queue_step& step) {
  hear_of_targets(wall_ms, step, [&](auto& ended) {
    burying_.erase(target);
    forwarder_.target_gone(target, ended);
  });
}

void delay_queue::target_unreachable(queue_id target, epoch upto, uint64_t wall_ms, queue_step& step) {
  hear_of_targets(wall_ms, step, [&](auto& ended) { forwarder_.target_unreachable(target, upto, ended); });
}

void delay_queue::landed(std::vector<queueing::forwarder::outcome>& ended, uint64_t wall_ms) {
  BROKER_ASSERT(flying_ >= ended.size(), "a message lands once");
  flying_ -= ended.size();
  for (auto& one : ended) {
    std::erase_if(one.refused, [this](queue_id target) { return burying_.contains(target); });
    if (one.refused.empty()) {
      settle(one.message);
    } else {
      refused_[one.message] = std::move(one.refused);
      resting_.push_back({wall_ms + limits::delayed_retry_ms, one.message});
    }
  }
}

void delay_queue::settle(seqno seq) {
  const auto at = std::lower_bound(settled_.begin(), settled_.end(), seq,
                                   [](const seq_range& range, seqno wanted) { return range.last < wanted; });
  if (at != settled_.end() && at->last == seq)
    ++at->last;
  else
    settled_.insert(at, {seq, seq + 1});
}

} // namespace broker
