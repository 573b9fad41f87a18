#include "registrar.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

namespace broker::sim {

using namespace amqp;
using change_kind = meta_request::kind;

namespace {

/// What exchanges are declared as, by value from 1.
constexpr std::string_view types[] = {"direct", "fanout", "topic", "headers"};
/// A name is given up after so many requests, or so many that nobody knows the outcome of.
constexpr uint64_t drawn_max = 80;
constexpr size_t unknown_max = 3;

/// What a 406 says is there: "... received 'x' but current is 'y'".
uint64_t value_in(std::string_view refusal, bool of_queue) {
  constexpr std::string_view before = "but current is '";
  const auto at = refusal.rfind(before);
  if (at == std::string_view::npos)
    return 0;
  auto text = refusal.substr(at + before.size());
  text = text.substr(0, text.find('\''));
  if (!of_queue)
    return static_cast<uint64_t>(std::find(std::begin(types), std::end(types), text) - std::begin(types)) + 1;
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

} // namespace

// -- names
// -------------------------------------------------------------------------------------------------------------------

std::string contested_names::name_of(uint32_t which, uint64_t generation) const {
  return (which < queues_ ? "mq" : "mx") + std::to_string(which) + "." + std::to_string(generation);
}

contested_names::contested contested_names::draw(random_source& random) {
  const auto which = static_cast<uint32_t>(random.below(all_.size()));
  line& one = all_[which];
  if (++one.drawn > drawn_max || history_.unknown(name_of(which, one.generation)) >= unknown_max)
    one = {one.generation + 1, 1};
  return {name_of(which, one.generation), which < queues_};
}

void contested_names::node_may_be_forgotten() {
  for (uint32_t which = 0; which < queues_; ++which)
    for (uint64_t generation = 1; generation <= all_[which].generation; ++generation)
      history_.may_be_erased(name_of(which, generation));
}

// -- requests
// ----------------------------------------------------------------------------------------------------------------

void registrar::ready() {
  next();
}

void registrar::next() {
  later(plan_.pause / 2 + random_.below(plan_.pause + 1), [this] { ask(); });
}

void registrar::ask() {
  if (world_.draining)
    return;
  request made;
  made.about = names_.draw(random_);
  if (random_.below(100) < plan_.look_percent)
    made.what.what = change_kind::look;
  else if (random_.chance(1, 2))
    made.what = {change_kind::create, made.about.is_queue ? names_.next_value() : 1 + random_.below(std::size(types))};
  else
    made.what.what = change_kind::erase;
  made.id = names_.history().asked(made.about.name, made.what);
  asked_ = made;
  made.about.is_queue ? ask_about_queue(made) : ask_about_exchange(made);
}

void registrar::ask_about_queue(const request& what) {
  if (what.what.what == change_kind::erase) {
    queue_class::delete_ erase;
    erase.queue = what.about.name;
    return send(erase);
  }
  queue_class::declare declare;
  declare.queue = what.about.name;
  declare.durable = true;
  declare.passive = what.what.what == change_kind::look;
  if (!declare.passive)
    declare.arguments.set("x-max-length", {static_cast<int64_t>(what.what.value)});
  send(declare);
}

void registrar::ask_about_exchange(const request& what) {
  if (what.what.what == change_kind::erase) {
    exchange_class::delete_ erase;
    erase.exchange = what.about.name;
    return send(erase);
  }
  exchange_class::declare declare;
  declare.exchange = what.about.name;
  declare.durable = true;
  declare.passive = what.what.what == change_kind::look;
  declare.type = declare.passive ? "" : std::string{types[what.what.value - 1]};
  send(declare);
}

// -- answers
// -----------------------------------------------------------------------------------------------------------------

void registrar::answered(uint64_t value) {
  if (!asked_)
    return world_.book.violation("C10: an answer to no request");
  names_.history().answered(asked_->id, value);
  asked_.reset();
}

void registrar::received(wire_event& event) {
  if (const auto* close = std::get_if<channel_class::close>(&event.method)) {
    closed_by(*close);
    send(channel_class::close_ok{});
    return send(channel_class::open{});
  }
  if (std::holds_alternative<channel_class::open_ok>(event.method))
    return next();
  const bool done = std::holds_alternative<queue_class::declare_ok>(event.method)
                 || std::holds_alternative<queue_class::delete_ok>(event.method)
                 || std::holds_alternative<exchange_class::declare_ok>(event.method)
                 || std::holds_alternative<exchange_class::delete_ok>(event.method);
  if (!done || !asked_)
    return;
  // A look that has found something does not learn what: only that it is not nothing.
  if (asked_->what.what == change_kind::look) {
    names_.history().seen(asked_->id);
    asked_.reset();
  } else {
    answered(asked_->what.value);
  }
  next();
}

void registrar::closed_by(const channel_class::close& close) {
  if (!asked_)
    return world_.book.violation("a registrar's channel was closed: " + close.reply_text);
  const bool unreachable = close.reply_text.find("down or inaccessible") != std::string::npos;
  if (close.reply_code == 406 && asked_->what.what == change_kind::create)
    return answered(value_in(close.reply_text, asked_->about.is_queue));
  const bool missing = close.reply_code == 404 && !unreachable;
  if (missing && asked_->what.what == change_kind::look && asked_->about.is_queue) {
    names_.history().missed(asked_->id);
    return asked_.reset();
  }
  if (missing && asked_->what.what == change_kind::look)
    return answered(0);
  if (missing && asked_->about.is_queue && names_.history().meets_erase(asked_->id)) {
    names_.history().refused(asked_->id);
    return asked_.reset();
  }
  if (!(close.reply_code == 404 && unreachable && world_.book.excused(world_.time.now())))
    world_.book.violation("a registrar's channel was closed: " + close.reply_text);
  names_.history().lost(asked_->id);
  asked_.reset();
}

void registrar::dismissed(const connection_class::close& close) {
  if (!asked_ || close.reply_code != 541)
    return;
  const bool open = close.reply_text.find("may still take place") != std::string::npos;
  open ? names_.history().lost(asked_->id) : names_.history().refused(asked_->id);
  asked_.reset();
}

void registrar::lost() {
  if (asked_)
    names_.history().lost(asked_->id);
  asked_.reset();
}

} // namespace broker::sim
