#include "model_client.hpp"

#include <algorithm>

#include "amqp/frame.hpp"

namespace broker::sim {

using namespace amqp;

namespace {

/// How long a client's last frames may wait to be read by the broker.
constexpr sim_ns unread_at_most = 30 * second;

} // namespace

void model_client::reconnect_after(sim_ns delay) {
  world_.time.after(delay, [this] { connect(); });
}

void model_client::connect() {
  session_ = world_.connect(*this);
  if (!session_)
    return reconnect_after(50 * ms + random_.below(200 * ms));
  ++connection_;
  reader_ = {};
  session_->send(std::string{protocol_header});
}

void model_client::cut() {
  if (!session_)
    return;
  session_->cut();
  closed();
}

void model_client::closed() {
  if (!session_)
    return;
  session_ = nullptr;
  ++connection_;
  if (std::exchange(ready_, false))
    lost();
  reconnect_after(20 * ms + random_.below(300 * ms));
}

void model_client::later(sim_ns delay, std::function<void()> what) {
  world_.time.after(delay, [this, connection = connection_, what = std::move(what)] {
    if (connection == connection_)
      what();
  });
}

void model_client::send_bytes(std::string bytes) {
  world_.trace.add(bytes);
  if (session_)
    session_->send(std::move(bytes));
}

void model_client::send(const method& what) {
  byte_buffer out;
  encode_method(out, std::visit([](const auto& m) { return m.code >> 16; }, what) == 10 ? 0 : channel, what);
  send_bytes(std::string{out.view()});
}

void model_client::declare(uint32_t queue) {
  const auto chain = world_.queues.chain(queue);
  for (auto at = chain.rbegin(); at != chain.rend(); ++at)
    declare_one(world_.queues[*at]);
}

void model_client::declare_one(const queue_plan& queue) {
  queue_class::declare what;
  what.queue = queue.name;
  what.durable = queue.durable;
  what.no_wait = true;
  what.arguments = queue.arguments(world_.queues.all);
  send(what);
  if (!queue.delayed_by)
    return;
  exchange_class::declare exchange;
  exchange.exchange = *queue.delayed_by;
  exchange.type = "x-delayed-message";
  exchange.durable = true;
  exchange.no_wait = true;
  exchange.arguments.set("x-delayed-type", {longstr{"direct"}});
  send(exchange);
  queue_class::bind bind;
  bind.queue = queue.name;
  bind.exchange = *queue.delayed_by;
  bind.routing_key = queue.name;
  bind.no_wait = true;
  send(bind);
}

bool model_client::prompt() const {
  if (world_.cluster && world_.book.excused(world_.time.now()))
    return false; // its node may have stood still
  return stalled_until_ == 0 || world_.time.now() > stalled_until_ + 2 * second;
}

void model_client::arrived(std::string_view bytes) {
  world_.trace.add(world_.time.now());
  world_.trace.add(bytes);
  reader_.feed(bytes);
  while (auto event = reader_.next()) {
    if (!session_)
      return;
    if (ready_ && event->channel != 0)
      received(*event);
    else
      handshake(*event);
  }
}

connection_class::start_ok model_client::login() const {
  connection_class::start_ok answer;
  answer.mechanism = "PLAIN";
  answer.response = std::string{"\0guest\0guest", 12};
  answer.locale = "en_US";
  if (world_.cluster) {
    field_table capabilities;
    capabilities.set("consumer_cancel_notify", {true});
    answer.client_properties.set("capabilities", {std::move(capabilities)});
  }
  return answer;
}

void model_client::channel_closed(const char* whose, const channel_class::close& close) {
  if (!world_.book.excused(world_.time.now()) || close.reply_code != 404)
    world_.book.violation(std::string{whose} + " channel was closed: " + close.reply_text);
  later(0, [this] { cut(); });
}

void model_client::handshake(wire_event& event) {
  if (std::holds_alternative<connection_class::start>(event.method)) {
    send(login());
  } else if (auto* tune = std::get_if<connection_class::tune>(&event.method)) {
    send(connection_class::tune_ok{tune->channel_max, tune->frame_max, 0});
    connection_class::open open;
    open.virtual_host = "/";
    send(open);
  } else if (std::holds_alternative<connection_class::open_ok>(event.method)) {
    send(channel_class::open{});
  } else if (std::holds_alternative<channel_class::open_ok>(event.method)) {
    ready_ = true;
    ready();
  } else if (auto* close = std::get_if<connection_class::close>(&event.method)) {
    const bool no_majority = close->reply_code == 541 && world_.book.excused(world_.time.now());
    if (close->reply_code != 320 && !no_majority)
      world_.book.violation("a connection was closed: " + close->reply_text);
    dismissed(*close);
    send(connection_class::close_ok{});
  }
}

// -- publisher
// ----------------------------------------------------------------------------------------------------------

void publisher::ready() {
  incarnation_ = world_.next_incarnation++;
  next_ = 1;
  declare(plan_.queue);
  if (plan_.transactional)
    send(tx_class::select{});
  else
    send(confirm_class::select{true});
  later(random_.below(plan_.pause + 1), [this] { work(); });
}

amqp::properties publisher::draw_properties(ledger::publish& what) {
  properties header;
  header.delivery_mode = random_.below(100) < plan_.persistent_percent ? 2 : 1;
  if (plan_.priority_max != 0) {
    what.priority = static_cast<uint8_t>(random_.below(plan_.priority_max + 1));
    header.priority = what.priority;
  }
  if (random_.below(100) < plan_.expiration_percent) {
    what.expiration_ms = 20 + random_.below(plan_.expiration_max_ms);
    header.expiration = std::to_string(*what.expiration_ms);
  }
  if (random_.below(100) < plan_.delay_percent) {
    what.delay_ms = 1 + random_.below(plan_.delay_max_ms);
    header.headers.emplace().set("x-delay", {static_cast<int64_t>(what.delay_ms)});
  }
  return header;
}

void publisher::publish_one(byte_buffer& out) {
  const auto id = static_cast<uint64_t>(incarnation_) << 32 | next_;
  const bool unroutable = random_.below(100) < plan_.mandatory_percent;
  const auto& queue = world_.queues[plan_.queue];
  ledger::publish noted;
  const auto header = draw_properties(noted);
  basic_class::publish what;
  what.routing_key = queue.name;
  if (noted.delay_ms != 0) {
    what.exchange = *queue.delayed_by;
  } else if (unroutable) {
    what.routing_key = "no such queue";
    what.mandatory = true;
  }
  if (world_.cluster) // so that it is told when its queue's node is down (docs/internals/across-nodes.md)
    what.mandatory = true;
  const auto body = make_body(id, random_.below(plan_.body_max + 1));
  put_publish(out, channel, what, header, body, limits::frame_max_bytes);
  noted.queue = unroutable && noted.delay_ms == 0 ? ledger::queue_none : plan_.queue;
  noted.survives_crash = header.delivery_mode == 2;
  noted.confirm_mode = !plan_.transactional;
  noted.bytes = body.size();
  for (const auto hop : world_.queues.chain(plan_.queue)) {
    noted.survives_crash = noted.survives_crash && world_.queues[hop].durable;
    noted.at_most_once = noted.at_most_once || world_.queues[hop].automatic_ack;
    // Goes as soon as the others take its node for dead.
    noted.at_most_once = noted.at_most_once || (world_.cluster && !world_.queues[hop].durable);
  }
  world_.book.published(id, noted);
  if (plan_.transactional)
    transaction_.push_back(id);
  else
    unconfirmed_[next_] = id;
  ++next_;
}

void publisher::work() {
  if (world_.draining)
    return;
  if (closing_ == closing::none && unconfirmed_.size() < plan_.window) {
    byte_buffer out;
    for (uint32_t i = 0; i < plan_.burst; ++i)
      publish_one(out);
    send_bytes(std::string{out.view()});
    if (plan_.transactional && transaction_.size() >= plan_.window)
      end_transaction();
  }
  later(plan_.pause / 2 + random_.below(plan_.pause + 1), [this] { work(); });
}

void publisher::end_transaction() {
  if (random_.chance(1, 4)) {
    closing_ = closing::rollback;
    send(tx_class::rollback{});
  } else {
    closing_ = closing::commit;
    send(tx_class::commit{});
  }
}

void publisher::settle(uint64_t tag, bool multiple, bool ok) {
  auto last = unconfirmed_.upper_bound(tag);
  auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
  if (first == unconfirmed_.end() || (multiple && first == last))
    return world_.book.violation("C8: confirm number " + std::to_string(tag) + " answered twice or never published");
  if (!multiple)
    last = std::next(first);
  for (auto each = first; each != last; ++each)
    ok ? world_.book.confirmed(each->second) : world_.book.nacked(each->second);
  unconfirmed_.erase(first, last);
}

void publisher::received(wire_event& event) {
  if (auto* ack = std::get_if<basic_class::ack>(&event.method))
    settle(ack->delivery_tag, ack->multiple, true);
  else if (auto* nack = std::get_if<basic_class::nack>(&event.method))
    settle(nack->delivery_tag, nack->multiple, false);
  else if (std::holds_alternative<basic_class::return_>(event.method)) {
    std::string problem;
    const auto id = read_body(event.body, problem);
    problem.empty() ? world_.book.returned(id) : world_.book.violation(problem);
    if (world_.cluster)
      declare(plan_.queue); // it may be gone
  } else if (std::holds_alternative<tx_class::commit_ok>(event.method)) {
    for (auto id : std::exchange(transaction_, {}))
      world_.book.committed(id);
    closing_ = closing::none;
  } else if (std::holds_alternative<tx_class::rollback_ok>(event.method)) {
    for (auto id : std::exchange(transaction_, {}))
      world_.book.withdrawn(id);
    closing_ = closing::none;
  } else if (auto* close = std::get_if<channel_class::close>(&event.method))
    channel_closed("a publisher's", *close);
}

void publisher::lost() {
  for (const auto& [tag, id] : std::exchange(unconfirmed_, {}))
    world_.book.abandoned(id);
  // An unfinished transaction is withdrawn by the broker, unless its commit was under way.
  for (auto id : std::exchange(transaction_, {}))
    closing_ == closing::commit ? world_.book.abandoned(id) : world_.book.withdrawn(id);
  closing_ = closing::none;
}

// -- consumer
// -----------------------------------------------------------------------------------------------------------

bool consumer_client::idle() const {
  return unsettled_.empty() && world_.time.now() - last_delivery_ > second && (!plan_.polls || last_get_empty_);
}

std::string consumer_client::text() const {
  std::string made = world_.queues[plan_.queue].name + (plan_.polls ? " polls" : " consumes") + ", prefetch "
                   + std::to_string(plan_.prefetch) + (plan_.global ? " of the channel" : "") + ", up to "
                   + std::to_string(plan_.work / ms) + " ms each";
  if (plan_.cancel_every != 0)
    made += ", cancels and begins anew";
  if (plan_.purge_every != 0)
    made += ", purges";
  return made;
}

void consumer_client::ready() {
  declare(plan_.queue);
  if (plan_.purge_every != 0)
    purge_later();
  if (plan_.polls) {
    consumer_ = world_.book.new_consumer(plan_.queue, session()->node());
    return poll();
  }
  basic_class::qos qos;
  qos.prefetch_count = plan_.prefetch;
  qos.global = plan_.global;
  send(qos);
  consume();
}

void consumer_client::consume() {
  consumer_ = world_.book.new_consumer(plan_.queue, session()->node());
  basic_class::consume what;
  what.queue = world_.queues[plan_.queue].name;
  what.consumer_tag = "c" + std::to_string(consumer_);
  what.no_ack = world_.queues[plan_.queue].automatic_ack;
  send(what);
  if (plan_.cancel_every != 0)
    later(plan_.cancel_every / 2 + random_.below(plan_.cancel_every), [this, tag = what.consumer_tag] {
      world_.book.consumer_left(consumer_);
      send(basic_class::cancel{tag, false});
    });
}

void consumer_client::purge_later() {
  later(plan_.purge_every / 2 + random_.below(plan_.purge_every), [this] {
    if (world_.draining)
      return;
    queue_class::purge what;
    what.queue = world_.queues[plan_.queue].name;
    purging_ = true;
    world_.book.purging(plan_.queue);
    if (world_.purging)
      world_.purging(plan_.queue);
    send(what);
  });
}

void consumer_client::poll() {
  basic_class::get what;
  what.queue = world_.queues[plan_.queue].name;
  what.no_ack = world_.queues[plan_.queue].automatic_ack;
  send(what);
}

void consumer_client::received(wire_event& event) {
  if (auto* deliver_method = std::get_if<basic_class::deliver>(&event.method)) {
    deliver(deliver_method->delivery_tag, deliver_method->redelivered, event);
  } else if (auto* got = std::get_if<basic_class::get_ok>(&event.method)) {
    last_get_empty_ = false;
    deliver(got->delivery_tag, got->redelivered, event);
    later(1 * ms + random_.below(10 * ms), [this] { poll(); });
  } else if (std::holds_alternative<basic_class::get_empty>(event.method)) {
    last_get_empty_ = true;
    const sim_ns pause = world_.draining ? 35 * ms : plan_.poll_pause;
    later(pause / 2 + random_.below(pause + 1), [this] { poll(); });
  } else if (std::holds_alternative<basic_class::cancel_ok>(event.method)) {
    consume();
  } else if (std::holds_alternative<queue_class::purge_ok>(event.method)) {
    purging_ = false;
    world_.book.purged(plan_.queue, true);
    purge_later();
  } else if (auto* close = std::get_if<channel_class::close>(&event.method)) {
    channel_closed("a consumer's", *close);
  } else if (std::holds_alternative<basic_class::cancel>(event.method)) {
    later(0, [this] { cut(); }); // the queue is out of reach, or gone: begin anew
  }
}

void consumer_client::deliver(uint64_t tag, bool redelivered, const wire_event& event) {
  last_delivery_ = world_.time.now();
  std::string problem;
  const auto id = read_body(event.body, problem);
  if (!problem.empty())
    return world_.book.violation(problem);
  world_.book.delivered(consumer_, id, {redelivered, prompt(), event.properties});
  if (world_.queues[plan_.queue].automatic_ack)
    return world_.book.settled(id);
  if (!unsettled_.emplace(tag, taken{id, world_.time.now()}).second)
    return world_.book.violation("delivery tag " + std::to_string(tag) + " twice on one channel");
  // What an earlier master has delivered has no place in the window of the next one (channel_moves.cpp).
  const bool counts = plan_.prefetch != 0 && !plan_.polls && plan_.cancel_every == 0 && plan_.work <= second
                   && !world_.book.moving(plan_.queue);
  if (counts && unsettled_.size() > plan_.prefetch)
    world_.book.violation("C11: more unacked deliveries than the prefetch of " + std::to_string(plan_.prefetch));
  const auto work = world_.draining ? std::min(plan_.work, ms) : plan_.work;
  later(random_.below(work + 1), [this, tag] { settle_one(tag); });
}

void consumer_client::settle_one(uint64_t tag) {
  auto found = unsettled_.find(tag);
  if (found == unsettled_.end())
    return; // an earlier `multiple` took it
  const auto dice = world_.draining ? 100 : random_.below(100);
  if (dice < plan_.requeue_percent) {
    send(basic_class::nack{tag, false, true});
    unsettled_.erase(found);
  } else if (dice < plan_.requeue_percent + plan_.reject_percent) {
    remember(found->second.id);
    world_.book.rejected(found->second.id, plan_.queue);
    send(basic_class::reject{tag, false});
    unsettled_.erase(found);
  } else if (random_.below(100) < plan_.multiple_percent) {
    for (auto each = unsettled_.begin(); each != std::next(found); ++each)
      ack(each->second);
    unsettled_.erase(unsettled_.begin(), std::next(found));
    send(basic_class::ack{tag, true});
  } else {
    ack(found->second);
    send(basic_class::ack{tag, false});
    unsettled_.erase(found);
  }
}

void consumer_client::ack(const taken& one) {
  remember(one.id);
  world_.book.acked(consumer_, one.id, one.got);
}

void consumer_client::remember(message_id id) {
  const auto now = world_.time.now();
  recent_.emplace_back(now, id);
  while (recent_.front().first + unread_at_most < now)
    recent_.pop_front();
}

void consumer_client::lost() {
  unsettled_.clear();
  if (std::exchange(purging_, false))
    world_.book.purged(plan_.queue, false);
  world_.book.consumer_left(consumer_);
  for (const auto& [at, id] : std::exchange(recent_, {}))
    world_.book.doubted(id);
}

// -- auditor
// ------------------------------------------------------------------------------------------------------------

void auditor::ready() {
  next_ = 0;
  for (const auto& queue : world_.queues.all) {
    queue_class::declare what;
    what.queue = queue.name;
    what.durable = queue.durable;
    what.arguments = queue.arguments(world_.queues.all);
    send(what);
  }
}

void auditor::received(wire_event& event) {
  if (auto* counts = std::get_if<queue_class::declare_ok>(&event.method)) {
    if (!done_)
      world_.book.counted(next_, counts->message_count, world_.time.now() - quiet_since_);
    done_ = done_ || ++next_ == world_.queues.size();
  } else if (auto* close = std::get_if<channel_class::close>(&event.method)) {
    channel_closed("the auditor's", *close);
  }
}

} // namespace broker::sim
