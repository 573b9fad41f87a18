#include "queue/delay_queue.hpp"

#include <algorithm>

#include "amqp/properties.hpp"
#include "base/overloaded.hpp"
#include "model/exchange_plugin.hpp"
#include "model/message_copy.hpp"
#include "model/routed_message.hpp"
#include "queue/outbox.hpp"

namespace broker {
namespace {

/// 0 when the exchange has been deleted meanwhile, and the queue with it.
uint64_t delay_of(const exchange_record* exchange, const message& what) {
  if (!exchange || !exchange->plugin)
    return 0;
  const auto delay = exchange->plugin->delay_ms(routed_message{what}.input());
  return delay ? *delay : 0;
}

} // namespace

delay_queue::delay_queue(std::shared_ptr<const queue_record> record, channel_ref self, message_store& store,
                         std::function<snapshot_ptr()> metadata, const recovered_queue* recovered)
  : record_(std::move(record)), self_(std::move(self)), store_(store), metadata_(std::move(metadata)) {
  if (!recovered)
    return;
  next_ = durable_ = recovered->next;
  for (const recovered_run& run : recovered->runs)
    for (seqno seq = run.first; seq < run.first + run.count; ++seq)
      waiting_.push_back({run.facts.deadline_ms, seq});
  std::make_heap(waiting_.begin(), waiting_.end(), std::greater{});
}

// -- what is kept -----------------------------------------------------------------------------------------------------

void delay_queue::handle(queue_request request, uint64_t wall_ms, delay_step& step) {
  if (auto* publish = std::get_if<publish_request>(&request))
    keep(*publish, wall_ms, step);
  else
    answer_missing(request, step);
  work(wall_ms, step);
}

void delay_queue::keep(publish_request& request, uint64_t wall_ms, delay_step& step) {
  const batch_ref& batch = request.batch;
  queueing::outbox out{step.answers, record_->id};
  if (deleted_) { // counts as confirmed (W67)
    if (request.confirm)
      for (const slice& one : request.slices)
        out.confirm(request.channel, {batch->first_confirm + one.lo, batch->first_confirm + one.hi});
    return batch->release();
  }
  const auto exchange = metadata_()->find_exchange(record_->vhost, record_->delays_for);
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

void delay_queue::answer_missing(const queue_request& request, delay_step& step) const {
  queueing::outbox out{step.answers, record_->id};
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

void delay_queue::durable(seqno upto, uint64_t wall_ms, delay_step& step) {
  durable_ = std::max(durable_, upto);
  if (!deleted_) {
    queueing::outbox out{step.answers, record_->id};
    confirms_.durable(upto, out);
    holds_.durable(upto, false);
    holds_.release_withheld();
  }
  work(wall_ms, step);
}

void delay_queue::tick(uint64_t wall_ms, delay_step& step) {
  work(wall_ms, step);
}

void delay_queue::deleted(delay_step& step) {
  if (std::exchange(deleted_, true))
    return;
  queueing::outbox out{step.answers, record_->id};
  confirms_.durable(next_, out);
  holds_.release_all();
  waiting_ = {};
  wanted_.clear();
  read_.reset();
  forwards_.clear();
  refused_.clear();
}

// -- what is due ------------------------------------------------------------------------------------------------------

void delay_queue::work(uint64_t wall_ms, delay_step& step) {
  if (deleted_)
    return;
  ask_again(wall_ms, step);
  take_due(wall_ms);
  read_wanted();
  if (!settled_.empty())
    store_.settle(record_->id, std::exchange(settled_, {}));
  // One that is due but not durable, or finds no room, is looked at again with the answer it waits for.
  uint64_t next_ms = ask_again_ms_;
  if (!waiting_.empty() && waiting_.front().at_ms > wall_ms)
    next_ms = next_ms == 0 ? waiting_.front().at_ms : std::min(next_ms, waiting_.front().at_ms);
  if (next_ms != 0) {
    const uint64_t in_ms = next_ms > wall_ms ? next_ms - wall_ms : 1;
    step.answers.tick_in_ms = std::min<uint64_t>(in_ms, limits::delayed_tick_max_ms);
  }
}

void delay_queue::take_due(uint64_t wall_ms) {
  std::vector<deadline> early; // not yet durable
  while (!waiting_.empty() && waiting_.front().at_ms <= wall_ms
         && wanted_.size() + forwards_.size() < limits::delayed_in_flight_max) {
    const deadline due = waiting_.front();
    std::pop_heap(waiting_.begin(), waiting_.end(), std::greater{});
    waiting_.pop_back();
    if (due.seq < durable_)
      wanted_.insert(due.seq);
    else
      early.push_back(due);
  }
  for (const deadline& due : early)
    wait_until(due.at_ms, due.seq);
}

/// One read at a time: neighbours are read together, and the answer says what to ask for next.
void delay_queue::read_wanted() {
  if (read_ || wanted_.empty() || forward_bytes_ >= limits::delayed_in_flight_bytes)
    return;
  seq_range range{*wanted_.begin(), *wanted_.begin() + 1};
  for (auto at = std::next(wanted_.begin()); at != wanted_.end() && *at == range.last; ++at)
    ++range.last;
  read_ = range;
  store_.read(record_->id, range.first, range.last, limits::page_in_bytes);
}

void delay_queue::read_done(const std::vector<stored_run>& runs, uint64_t wall_ms, delay_step& step) {
  if (deleted_)
    return;
  BROKER_ASSERT(read_, "the store answers what it was asked");
  const seq_range asked = *std::exchange(read_, std::nullopt);
  for (const stored_run& run : runs)
    for (uint32_t i = 0; i < run.where.size(); ++i)
      if (wanted_.erase(run.first + i) != 0)
        send_out(run.first + i, run.batch->messages[run.where.lo + i], step);
  if (runs.empty()) // damaged on disk: the store has said so, and keeps what it could not read (G7)
    wanted_.erase(wanted_.lower_bound(asked.first), wanted_.lower_bound(asked.last));
  work(wall_ms, step);
}

void delay_queue::send_out(seqno seq, const message& what, delay_step& step) {
  const snapshot_ptr now = metadata_();
  const auto exchange = now->find_exchange(record_->vhost, record_->delays_for);
  auto properties = amqp::decode_properties(what.property_bytes());
  if (!exchange || !exchange->plugin || !properties)
    return settle(seq); // deleted meanwhile; stored properties have been checked when they came in
  exchange->plugin->released(*properties);
  forward out;
  out.seq = seq;
  out.batch = copy_with_properties(what, *properties);
  std::vector<queue_ptr> queues;
  now->route(*exchange, out.batch->messages.front(), queues);
  if (queues.empty())
    return settle(seq);
  if (properties->headers && properties->headers->find("BCC")) { // nobody but routing may see it (W47)
    std::erase_if(properties->headers->entries, [](const auto& entry) { return entry.first == "BCC"; });
    out.batch = copy_with_properties(what, *properties);
  }
  const confirm_number number = next_forward_++;
  out.batch->first_confirm = number;
  out.to_one = queues.size() == 1;
  forward_bytes_ += out.batch->messages.front().raw_size;
  for (const queue_ptr& queue : queues) {
    out.owed.push_back(queue->id);
    send(out, number, queue->id, step);
  }
  forwards_.emplace(number, std::move(out));
}

void delay_queue::send(const forward& what, confirm_number number, queue_id to, delay_step& step) const {
  BROKER_ASSERT(what.batch->first_confirm == number, "a forward is a batch of its own");
  what.batch->hold();
  step.requests.emplace_back(to, publish_request{what.batch, {{0, 1}}, self_, true});
}

void delay_queue::event(const queue_event& what, uint64_t wall_ms, delay_step& step) {
  const auto* answer = std::get_if<confirmed>(&what);
  if (!answer || deleted_)
    return;
  for (confirm_number number = answer->numbers.first; number < answer->numbers.last; ++number) {
    if (answer->rejected)
      refused_by(answer->queue, number, wall_ms);
    else
      confirmed_by(answer->queue, number);
  }
  work(wall_ms, step);
}

void delay_queue::confirmed_by(queue_id queue, confirm_number number) {
  const auto found = forwards_.find(number);
  if (found == forwards_.end() || std::erase(found->second.owed, queue) == 0 || !found->second.owed.empty())
    return;
  settle(found->second.seq);
  end(found);
}

/// One that went to several queues stays in memory, so that only the one that refused gets it again; any other waits on
/// disk once more and makes room.
void delay_queue::refused_by(queue_id queue, confirm_number number, uint64_t wall_ms) {
  const auto found = forwards_.find(number);
  if (found == forwards_.end())
    return;
  if (found->second.to_one) {
    wait_until(wall_ms + limits::delayed_retry_ms, found->second.seq);
    return end(found);
  }
  refused_.emplace(number, queue);
  if (ask_again_ms_ == 0)
    ask_again_ms_ = wall_ms + limits::delayed_retry_ms;
}

void delay_queue::end(forward_at what) {
  forward_bytes_ -= what->second.batch->messages.front().raw_size;
  forwards_.erase(what);
}

void delay_queue::queue_gone(queue_id queue, uint64_t wall_ms, delay_step& step) {
  if (deleted_)
    return;
  std::erase_if(refused_, [&](const auto& one) { return one.second == queue; });
  std::vector<confirm_number> numbers;
  for (const auto& [number, what] : forwards_)
    numbers.push_back(number);
  for (const confirm_number number : numbers)
    confirmed_by(queue, number);
  work(wall_ms, step);
}

void delay_queue::ask_again(uint64_t wall_ms, delay_step& step) {
  if (ask_again_ms_ == 0 || wall_ms < ask_again_ms_)
    return;
  ask_again_ms_ = 0;
  for (const auto& [number, queue] : std::exchange(refused_, {}))
    if (const auto found = forwards_.find(number); found != forwards_.end())
      send(found->second, number, queue, step);
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
