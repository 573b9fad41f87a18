#include "channel/channel_state.hpp"

#include <algorithm>

#include "amqp/reply.hpp"
#include "channel/channel_impl.hpp"
#include "channel/plant.hpp"

namespace broker {
namespace {

/// Of an event that answers one; 0: it bears none.
question_number question_of(const queue_event& what) {
  return std::visit(
    [](const auto& event) -> question_number {
      if constexpr (requires { event.question; })
        return event.question;
      else
        return 0;
    },
    what);
}

bool is_about(const queue_event& what, const consumer* who) {
  if (const auto* begun = std::get_if<consume_done>(&what))
    return begun->who.get() == who;
  const auto* ended = std::get_if<cancel_done>(&what);
  return ended && ended->who.get() == who;
}

/// The index of the event that answers `what`.
size_t answer_of(const queue_request& what) {
  struct visitor {
    size_t operator()(const consume_request&) const { return queue_event{consume_done{}}.index(); }
    size_t operator()(const cancel_request&) const { return queue_event{cancel_done{}}.index(); }
    size_t operator()(const get_request&) const { return queue_event{got{}}.index(); }
    size_t operator()(const purge_request&) const { return queue_event{purged{}}.index(); }
    size_t operator()(const status_request&) const { return queue_event{queue_status{}}.index(); }
    size_t operator()(const delete_request&) const { return queue_event{delete_checked{}}.index(); }
    size_t operator()(const publish_request&) const { return std::variant_npos; }
    size_t operator()(const settle_request&) const { return std::variant_npos; }
    size_t operator()(const channel_gone&) const { return std::variant_npos; }
    size_t operator()(const consumer_ready&) const { return std::variant_npos; }
  };
  return std::visit(visitor{}, what);
}

} // namespace

channel_state::channel_state(channel_settings settings, channel_ref self, std::function<snapshot_ptr()> metadata)
  : impl_(std::make_unique<impl>(std::move(settings), std::move(self), std::move(metadata))) {}

channel_state::~channel_state() = default;

void channel_state::input(channel_input in, channel_step& step) {
  impl_->enter(step);
  impl_->input(std::move(in));
  impl_->leave();
}

void channel_state::event(std::vector<queue_event> events, channel_step& step, epoch from) {
  impl_->enter(step);
  for (auto& what : events)
    impl_->event(what, from);
  impl_->leave();
}

void channel_state::metadata_done(command_result result, channel_step& step) {
  impl_->enter(step);
  impl_->metadata_done(result);
  impl_->leave();
}

void channel_state::queue_gone(queue_id queue, channel_step& step) {
  impl_->enter(step);
  impl_->queue_gone(queue);
  impl_->leave();
}

void channel_state::queue_unreachable(queue_id queue, const error& why, channel_step& step, epoch mastership) {
  impl_->enter(step);
  impl_->queue_unreachable(queue, why, mastership);
  impl_->leave();
}

void channel_state::queue_moved(queue_id queue, epoch mastership, channel_step& step) {
  impl_->enter(step);
  impl_->queue_moved(queue, mastership);
  impl_->leave();
}

epoch channel_state::mastership_of(queue_id queue) const {
  return impl_->mastership_of(queue);
}

void channel_state::reply(direct_reply what, channel_step& step) {
  impl_->enter(step);
  impl_->take_direct_reply(what);
  impl_->leave();
}

void channel_state::tick(uint64_t now_ms, channel_step& step) {
  impl_->enter(step);
  impl_->tick(now_ms);
  impl_->leave();
}

void channel_state::stop(channel_step& step) {
  impl_->enter(step);
  impl_->stop();
  impl_->leave();
}

size_t channel_state::consumers() const {
  return impl_->consumers_.size();
}

size_t channel_state::unacked() const {
  return impl_->unacked_.size();
}

const message_counts& channel_state::counts() const {
  return impl_->counts_;
}
uint64_t channel_state::queues_declared() const {
  return impl_->queues_declared_;
}
size_t channel_state::unconfirmed() const {
  return impl_->confirms_.unconfirmed();
}

size_t channel_state::uncommitted() const {
  return impl_->tx_ ? impl_->tx_->messages() : 0;
}

size_t channel_state::uncommitted_acks() const {
  return impl_->tx_ ? impl_->tx_->settled() : 0;
}

uint16_t channel_state::prefetch() const {
  return impl_->prefetch_;
}

uint32_t channel_state::global_prefetch() const {
  return impl_->window_limit_;
}

bool channel_state::confirm_mode() const {
  return impl_->confirming();
}

bool channel_state::transactional() const {
  return impl_->tx_.has_value();
}

channel_state::impl::impl(channel_settings settings, channel_ref self, std::function<snapshot_ptr()> metadata)
  : settings_(std::move(settings)), self_(std::move(self)), newest_metadata_(std::move(metadata)),
    random_(settings_.random_seed), copies_(settings_.nodes || !settings_.publisher.none()),
    routes_(settings_.vhost, settings_.user, settings_.nodes, copies_, settings_.exchanges) {}

// -- entry points
// -------------------------------------------------------------------------------------------------------

void channel_state::impl::enter(channel_step& step) {
  step_ = &step;
}

void channel_state::impl::leave() {
  tell_confirms();
  want_ticks();
  // An idle channel must not keep an old snapshot alive.
  snapshot_.reset();
  scratch_.release();
  step_ = nullptr;
}

void channel_state::impl::input(channel_input in) {
  BROKER_ASSERT(in.batch, "an input carries a batch");
  backlog_.push_back({std::move(in)});
  ++inputs_;
  run();
}

void channel_state::impl::event(queue_event& what, epoch from) {
  if (phase_ != phase::open)
    return;
  if (auto* run = std::get_if<delivered>(&what))
    return deliver(*run);
  if (const auto* answer = std::get_if<confirmed>(&what))
    return on_confirmed(*answer);
  if (const auto* cancelled = std::get_if<consumer_cancelled>(&what)) {
    if (cancelled->moved)
      on_master_left(*cancelled);
    else
      on_cancelled(*cancelled);
    return run();
  }
  if (std::holds_alternative<window_returned>(what))
    return window_has_room();
  if (const auto* gap = std::get_if<publish_gap>(&what))
    return on_gap(*gap, from);
  if (const auto* missing = std::get_if<queue_missing>(&what)) {
    if (missing->moved)
      return on_turned_away(missing->queue, from);
    if (!is_current(missing->queue, from))
      return;
    give_answer(missing->queue, nullptr);
    return run();
  }
  if (is_answer(what, from)) {
    give_answer(asked_, &what);
    return run();
  }
  if (const auto* unasked = std::get_if<got>(&what))
    return give_back(*unasked, from);
  const auto* const begun = std::get_if<consume_done>(&what);
  if (begun && !begun->ok) { // it was to go on at another master, which does not let it
    on_cancelled({begun->who});
    run();
  }
}

void channel_state::impl::metadata_done(command_result& result) {
  snapshot_.reset();
  if (!on_metadata_)
    return;
  const auto then = std::exchange(on_metadata_, nullptr);
  if (phase_ == phase::open)
    then(result);
  deleting_.reset();
  run();
}

void channel_state::impl::queue_gone(queue_id queue) {
  if (phase_ != phase::open)
    return;
  confirms_.queue_gone(queue);
  std::vector<consumer_ref> cancelled;
  for (const auto& [tag, who] : consumers_)
    if (who->queue == queue)
      cancelled.push_back(who);
  for (const auto& who : cancelled)
    on_cancelled({who});
  forget_use(queue);
  give_answer(queue, nullptr);
  run();
}

void channel_state::impl::queue_unreachable(queue_id queue, const error& why, epoch mastership) {
  if (phase_ != phase::open)
    return;
  if (auto* const use = find_use(queue)) {
    if (mastership == use->mastership || channels::planted(channels::plant::old_news_believed))
      lose_master(queue, *use, true);
    return run();
  }
  confirms_.queue_lost(queue);
  const bool asked = on_answer_ && asked_ == queue;
  const bool cancelling = asked && asked_kind_ == queue_event{cancel_done{}}.index();
  const consumer* const beginning = asked && !cancelling ? asked_who_.get() : nullptr;
  std::vector<consumer_ref> cancelled;
  for (const auto& [tag, who] : consumers_)
    if (who->queue == queue && who.get() != beginning)
      cancelled.push_back(who);
  for (const auto& who : cancelled)
    on_cancelled({who});
  if (asked && !cancelling) {
    on_answer_ = nullptr;
    fail(why);
  }
  run();
}

void channel_state::impl::stop() {
  leave_queues();
  phase_ = phase::ended;
  drop_backlog();
  step_->finished = true;
}

// -- order of steps
// -----------------------------------------------------------------------------------------------------

void channel_state::impl::run() {
  while (!backlog_.empty() && !waiting()) {
    queued_input& current = backlog_.front();
    if (current.next == 0)
      begin(current);
    while (current.next < current.in.ops.size() && !waiting())
      execute(current.in, current.in.ops[current.next++]);
    if (waiting())
      return;
    flush_publishes();
    current.in.batch->release();
    backlog_.pop_front();
  }
}

void channel_state::impl::begin(const queued_input& current) {
  // The batch is ours alone until its first publish is handed on, so its numbers are set now, if any may be needed.
  publish_batch& batch = *current.in.batch;
  const auto& ops = current.in.ops;
  const bool selects = std::any_of(ops.begin(), ops.end(), [](const channel_op& op) {
    return op.method && std::holds_alternative<amqp::confirm_class::select>(*op.method);
  });
  batch.first_confirm = confirming() || selects ? next_number_ : 0;
}

void channel_state::impl::execute(channel_input& in, channel_op& op) {
  if (phase_ != phase::open) {
    if (phase_ == phase::closing && op.method)
      execute_closing(*op.method);
    return;
  }
  method_ = op.what == channel_op::kind::publish ? amqp::basic_class::publish::code
          : op.what == channel_op::kind::ack     ? amqp::basic_class::ack::code
                                                 : amqp::method_code_of(*op.method);
  // A commit that waits for queues allows nothing but the end of the channel (W19).
  if (committing_ && method_ != amqp::channel_class::close::code)
    return fail(amqp::channel_error("unexpected command while processing 'tx.commit'"));
  switch (op.what) {
  case channel_op::kind::publish:
    return publish(in.batch, {op.lo, op.hi});
  case channel_op::kind::ack:
    return acknowledge(op);
  case channel_op::kind::method:
    flush_publishes();
    return execute_method(*op.method);
  }
}

void channel_state::impl::execute_closing(const amqp::method& what) {
  if (std::holds_alternative<amqp::channel_class::close_ok>(what))
    finish({});
  else if (std::holds_alternative<amqp::channel_class::close>(what))
    send(amqp::channel_class::close_ok{});
}

void channel_state::impl::drop_backlog() {
  for (auto& queued : backlog_)
    queued.in.batch->release();
  backlog_.clear();
  on_metadata_ = nullptr;
  on_answer_ = nullptr;
  question_.reset();
}

// -- waiting
// ------------------------------------------------------------------------------------------------------------

void channel_state::impl::propose(command what, std::function<void(command_result&)> then) {
  BROKER_ASSERT(!waiting(), "one thing is waited for at a time");
  step_->proposals.push_back(std::move(what));
  on_metadata_ = std::move(then);
}

void channel_state::impl::ask(const queue_record& queue, queue_request what, std::function<void(queue_event*)> then) {
  use(queue.id, queue.name);
  ask(queue.id, std::move(what), std::move(then));
}

void channel_state::impl::ask(queue_id queue, queue_request what, std::function<void(queue_event*)> then) {
  BROKER_ASSERT(!waiting(), "one thing is waited for at a time");
  asked_ = queue;
  ++asked_number_;
  std::visit(
    [&](auto& request) {
      if constexpr (requires { request.question; })
        request.question = asked_number_;
    },
    what);
  asked_kind_ = answer_of(what);
  asked_who_ = nullptr;
  if (const auto* consume = std::get_if<consume_request>(&what))
    asked_who_ = consume->who;
  else if (const auto* cancel = std::get_if<cancel_request>(&what))
    asked_who_ = cancel->who;
  on_answer_ = std::move(then);
  const auto* const use = find_use(queue);
  if (copies_) // even of a queue that is not replicated yet
    question_ = what;
  question_orphaned_ = false;
  if (!use || !use->lost)
    request(queue, std::move(what));
}

/// To a question without a consumer the present master answers. Mastership 0 is none of a queue that is replicated: it
/// had answered before it was, and its first master has been asked again.
bool channel_state::impl::is_answer(const queue_event& what, epoch from) {
  if (!on_answer_ || what.index() != asked_kind_)
    return false;
  if (asked_who_)
    return is_about(what, asked_who_.get()) && is_current(asked_, from);
  return question_of(what) == asked_number_ && from >= mastership_of(asked_);
}

bool channel_state::impl::give_answer(queue_id queue, queue_event* what) {
  if (!on_answer_ || asked_ != queue)
    return false;
  const auto then = std::exchange(on_answer_, nullptr);
  question_.reset();
  if (auto* const use = what ? find_use(queue) : nullptr)
    found_master(*use);
  then(what);
  return true;
}

// -- closing
// ------------------------------------------------------------------------------------------------------------

void channel_state::impl::fail(error why) {
  fail(std::move(why), method_);
}

void channel_state::impl::fail(error why, uint32_t method) {
  flush_publishes();
  leave_queues();
  if (amqp::closes_connection(why.code)) {
    outgoing broken;
    broken.what = outgoing::kind::connection_error;
    broken.channel = settings_.number;
    broken.failure = std::move(why);
    broken.failed_method = method;
    step_->out.push_back(std::move(broken));
    phase_ = phase::ended;
    return;
  }
  send(
    amqp::channel_class::close{why.code, why.text, static_cast<uint16_t>(method >> 16), static_cast<uint16_t>(method)});
  phase_ = phase::closing;
}

void channel_state::impl::leave_queues() {
  if (phase_ != phase::open)
    return;
  std::vector<queue_id> queues;
  for (const auto& [tag, who] : consumers_)
    queues.push_back(who->queue);
  unacked_.append_queues(queues);
  if (tx_)
    tx_->append_queues(queues);
  if (on_answer_)
    queues.push_back(asked_);
  if (deleting_)
    queues.push_back(*deleting_);
  for (const auto& [queue, use] : replicated_)
    if (use.publishes)
      queues.push_back(queue);
  std::sort(queues.begin(), queues.end());
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
  for (const queue_id queue : queues) {
    auto* const use = find_use(queue);
    request(queue, channel_gone{self_, use && use->publishes ? settings_.publisher : replication::channel_id{}});
    if (use && use->publishes)
      use->publishes->give_up();
  }
  consumers_.clear();
  reply_consumer_ = nullptr;
  unacked_ = {};
  confirms_ = {};
  confirm_offset_.reset();
  tx_.reset();
  committing_ = false;
}

void channel_state::impl::finish(std::string bytes) {
  outgoing closed;
  closed.what = outgoing::kind::channel_closed;
  closed.channel = settings_.number;
  closed.bytes = std::move(bytes);
  step_->out.push_back(std::move(closed));
  step_->finished = true;
  phase_ = phase::ended;
}

// -- replies
// ------------------------------------------------------------------------------------------------------------

std::string channel_state::impl::encoded(const amqp::method& what) {
  scratch_.clear();
  amqp::encode_method(scratch_, settings_.number, what);
  return std::string{scratch_.view()};
}

void channel_state::impl::send(const amqp::method& what) {
  scratch_.clear();
  amqp::encode_method(scratch_, settings_.number, what);
  auto& out = step_->out;
  if (out.empty() || out.back().what != outgoing::kind::bytes) {
    out.emplace_back();
    out.back().channel = settings_.number;
  }
  out.back().bytes.append(scratch_.view());
}

void channel_state::impl::request(queue_id queue, queue_request what) {
  step_->requests.emplace_back(queue, std::move(what));
}

} // namespace broker
