#include "queue/queue_state.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/expiry.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::outbox;
using queueing::run;

namespace {
/// Publishers whose consumers do make progress are slowed down this many times limits::queue_pace_ms in a row at most.
constexpr uint64_t pace_rounds_max = 8;
} // namespace

queue_state::impl::impl(std::shared_ptr<const queue_record> described, queue_settings chosen, message_store& keeper,
                        const recovered_queue* recovered, uint64_t started_ms)
  : settings(std::move(chosen)), store(keeper), now_ms(started_ms), pages(described->id, keeper), use(started_ms),
    dead(settings.address), last_used_ms(started_ms), allowed(settings.memory_bytes) {
  configure(std::move(described));
  if (options->deduplicate)
    seen = std::make_unique<queueing::deduplication>(options->deduplication_window);
  if (!recovered)
    return;
  next = recovered->next;
  if (seen)
    seen->recovered_below = next;
  pages.recovered(next);
  for (const recovered_run& found : recovered->runs)
    restore(found);
}

void queue_state::impl::restore(const recovered_run& found) {
  run one;
  one.first = found.first;
  one.count = found.count;
  one.body = found.body_bytes;
  one.estimated = found.estimated;
  one.kept = queueing::home::durable;
  one.redelivered = found.redelivered;
  if (found.facts.deadline_ms != 0)
    one.deadline_ms = queueing::deadline_from_wall(found.facts.deadline_ms, now_ms, wall_ms());
  one.wall_deadline_ms = found.facts.deadline_ms;
  one.priority = found.facts.priority;
  BROKER_ASSERT(one.last() <= next, "recovered beyond the last sequence number");
  if (found.redelivered)
    handed_out = handed_out_told = std::max(handed_out_told, one.last());
  ready.push_back(std::move(one));
}

void queue_state::impl::configure(std::shared_ptr<const queue_record> described) {
  static const auto defaults = std::make_shared<const queue_options>();
  record = std::move(described);
  options = record->options ? record->options : defaults;
}

queue_state::queue_state(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
                         const recovered_queue* recovered, uint64_t now_ms)
  : impl_(std::make_unique<impl>(std::move(record), std::move(settings), store, recovered, now_ms)) {}

queue_state::~queue_state() = default;

void queue_state::handle(queue_request request, uint64_t now_ms, queue_step& step) {
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  std::visit([&](auto& what) { impl_->take(what, out, step); }, request);
  impl_->finish(out, step);
}

void queue_state::logged(std::vector<logged_publish> what, uint64_t now_ms, queue_step& step) {
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  for (logged_publish& one : what) {
    BROKER_ASSERT(one.place.first != 0 && one.request.slices.size() == 1, "a logged publish has a place");
    impl_->place = one.place;
    impl_->take(one.request, out, step);
  }
  impl_->place = {};
  impl_->finish(out, step);
}

void queue_state::found(const std::vector<recovered_run>& more, uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  impl_->now_ms = now_ms;
  for (const recovered_run& one : more)
    impl_->restore(one);
  outbox out{step, impl_->record->id};
  impl_->finish(out, step);
}

void queue_state::durable(seqno upto, uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  impl_->confirms.durable(upto, out);
  impl_->pages.durable(upto, impl_->ready);
  impl_->store_answered();
  impl_->holds.durable(upto, impl_->congested || impl_->pacing());
  impl_->finish(out, step);
}

void queue_state::paged(seqno upto, uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  impl_->pages.paged(upto, impl_->ready);
  impl_->store_answered();
  impl_->holds.paged(upto, impl_->congested || impl_->pacing());
  impl_->finish(out, step);
}

void queue_state::read_done(const std::vector<stored_run>& runs, uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  const auto asked = impl_->pages.read_done(runs, impl_->ready);
  if (asked.who == queueing::pager::reader::dead)
    impl_->dead_read_done(runs);
  else if (asked.who == queueing::pager::reader::keys)
    impl_->learn(asked.range, runs, out, step);
  else if (asked.who == queueing::pager::reader::look)
    impl_->look_read(asked.range, runs, step);
  impl_->finish(out, step);
}

/// Bounds the time publishers' credit is withheld.
void queue_state::impl::pace() {
  if (pace_due_ms == 0 || now_ms < pace_due_ms)
    return;
  pace_due_ms = 0;
  congested = false;
  const bool progress = bytes_handed_out != bytes_at_tick;
  if (!progress || now_ms - withheld_since_ms >= pace_rounds_max * limits::queue_pace_ms)
    slow_down_no_more();
}

void queue_state::tick(uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  impl_->now_ms = now_ms;
  impl_->pace();
  outbox out{step, impl_->record->id};
  impl_->finish(out, step);
}

void queue_state::reconfigure(std::shared_ptr<const queue_record> record, uint64_t now_ms, queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  BROKER_ASSERT(record->id == impl_->record->id, "reconfigured as another queue");
  impl_->now_ms = now_ms;
  const auto before = impl_->options->expires_ms;
  impl_->configure(std::move(record));
  if (impl_->options->expires_ms != before)
    impl_->used();
  outbox out{step, impl_->record->id};
  impl_->finish(out, step);
}

void queue_state::under_pressure(uint64_t now_ms, queue_step& step) {
  impl_->now_ms = now_ms;
  outbox out{step, impl_->record->id};
  impl_->finish(out, step);
}

void queue_state::pause(bool on) {
  impl_->paused = on;
}

void queue_state::abandoned(queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  outbox out{step, impl_->record->id};
  impl_->leave(out, true);
  if (impl_->seen)
    for (const logged_publish& one : std::exchange(impl_->seen->waiting, {}))
      one.request.batch->release();
}

recovered_queue queue_state::give_up(uint64_t now_ms) {
  impl_->now_ms = now_ms;
  std::vector<run> all;
  for (size_t at = 0; at < impl_->ready.runs(); ++at)
    all.push_back(impl_->ready.at(at));
  for (const queueing::holder& one : impl_->holders)
    one.unacked.for_each_measured([&](run what) {
      what.redelivered = true; // as after a crash: it has been delivered
      all.push_back(std::move(what));
    });
  impl_->dead.for_each([&](const run& what) { all.push_back(what); });
  std::sort(all.begin(), all.end(), [](const run& a, const run& b) { return a.first < b.first; });
  recovered_queue content{impl_->record->id, impl_->next, {}};
  for (const run& one : all) {
    if (!one.in_store())
      impl_->store.append(impl_->record->id, one.batch, {one.lo, one.lo + one.count}, one.first, true,
                          impl_->facts_of(one));
    content.runs.push_back({one.first, one.count, one.body, one.redelivered, impl_->facts_of(one), one.estimated});
  }
  return content;
}

/// Publishes that wait for nothing but the disk.
void queue_state::all_durable(queue_step& step) {
  outbox out{step, impl_->record->id};
  impl_->confirms.durable(UINT64_MAX, out);
}

void queue_state::deleted(queue_step& step) {
  if (impl_->now == impl::phase::deleted)
    return;
  outbox out{step, impl_->record->id};
  impl_->end(out, step);
}

bool queue_state::has_room(uint64_t messages, uint64_t bytes) const {
  return impl_->has_room(messages, bytes);
}

uint64_t queue_state::messages_ready() const {
  return impl_->ready.messages();
}
const message_counts& queue_state::counts() const {
  return impl_->counts;
}
uint64_t queue_state::messages_unacked() const {
  return impl_->unacked_messages;
}
uint64_t queue_state::messages_persistent() const {
  uint64_t sum = impl_->ready.messages_durable();
  for (const queueing::holder& one : impl_->holders)
    sum += one.unacked.messages_durable();
  return sum;
}
uint64_t queue_state::bytes_ready() const {
  return impl_->ready.body_bytes();
}
uint64_t queue_state::dead_letters() const {
  return impl_->dead.messages();
}
uint64_t queue_state::bytes_unacked() const {
  uint64_t sum = 0;
  for (const queueing::holder& one : impl_->holders)
    sum += one.unacked.body_bytes();
  return sum;
}
uint64_t queue_state::bytes_in_memory() const {
  return impl_->ready.memory() + impl_->unacked_memory + impl_->dead.memory();
}
bool queue_state::withholds_credit() const {
  return impl_->holds.any_withheld();
}
size_t queue_state::consumers() const {
  return impl_->ring.consumers();
}

std::vector<consumer_view> queue_state::consumer_list() const {
  std::vector<consumer_view> all;
  for (const queueing::holder& one : impl_->holders) {
    using state = queueing::holder::state;
    if (one.is == state::gone)
      continue;
    const auto activity = one.is == state::waiting               ? consumer_activity::waiting
                        : impl_->options->single_active_consumer ? consumer_activity::single_active
                                                                 : consumer_activity::up;
    all.push_back({one.who, activity, one.unacked.messages()});
  }
  return all;
}

bool queue_state::idle() const {
  const impl& me = *impl_;
  if (me.now == impl::phase::deleted)
    return true;
  if (me.seen && !me.seen->waiting.empty())
    return false;
  return me.ready.empty() && me.unacked_messages == 0 && me.dead.empty() && me.confirms.empty() && me.holds.empty()
      && me.gets.empty() && !me.pages.waiting();
}

void queue_state::check() const {
  impl_->check();
}

void queue_state::impl::check() const {
  ready.check();
  dead.check();
  std::vector<seq_range> all = dead.ranges();
  for (size_t at = 0; at < ready.runs(); ++at)
    all.push_back(ready.at(at).range());
  uint64_t messages = 0;
  uint64_t memory = 0;
  size_t consuming = 0;
  size_t waiting = 0;
  for (const queueing::holder& one : holders) {
    one.unacked.check();
    messages += one.unacked.messages();
    memory += one.unacked.memory();
    consuming += one.is != queueing::holder::state::gone;
    waiting += one.is == queueing::holder::state::waiting;
    BROKER_ASSERT(one.is != queueing::holder::state::gone || !one.unacked.empty(), "a holder of nothing is kept");
    if (one.who && !one.who->no_ack && one.who->prefetch != 0)
      BROKER_ASSERT(one.unacked.messages() <= one.who->prefetch, "prefetch exceeded");
    for (const run& held : one.unacked.runs())
      all.push_back(held.range());
  }
  BROKER_ASSERT(messages == unacked_messages && memory == unacked_memory, "unacked totals are wrong");
  BROKER_ASSERT(consuming == ring.consumers() && holders.size() == index.size(), "consumers are miscounted");
  if (options->single_active_consumer)
    BROKER_ASSERT(waiting == (consuming == 0 ? 0 : consuming - 1) && (active != nullptr) == (consuming > 0),
                  "not exactly one consumer is active");
  else
    BROKER_ASSERT(waiting == 0 && !active, "a consumer waits for nothing");
  BROKER_ASSERT(fresh.empty() && settled.empty(), "a step was left unfinished");
  std::sort(all.begin(), all.end(), [](const seq_range& a, const seq_range& b) { return a.first < b.first; });
  for (size_t at = 0; at < all.size(); ++at)
    BROKER_ASSERT(all[at].last <= (at + 1 < all.size() ? all[at + 1].first : next), "a message is in two places");
}

} // namespace broker
