// The one place that knows how CAF 0.17.6 spells things (architecture.md D1): includes, unsafe message types, sends.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <exception>

#include "base/assert.hpp"

namespace broker {

/// Content of a message that is handed over, never copied: batches, steps, call-backs. CAF wants message types to be
/// copyable; these never leave the node and are delivered once, so a copy would be a bug and aborts.
template<class T>
struct parcel {
  T content;

  explicit parcel(T value) : content(std::move(value)) {}
  parcel(parcel&&) noexcept = default;
  parcel& operator=(parcel&&) noexcept = default;
  parcel(const parcel&) : content(never()) {}
  parcel& operator=(const parcel&) {
    never();
    return *this;
  }

private:
  static T never() {
    BROKER_ASSERT(false, "a parcel was copied");
    __builtin_unreachable();
  }
};

/// An exception in a handler is a defect: an actor that ended quietly would leave its peers waiting for ever.
template<class Actor>
void die_on_exceptions(Actor* self) {
  self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error {
    std::rethrow_exception(what); // out of a noexcept frame of the scheduler: terminates with the exception's text
  });
}

/// An actor that serves a connection to another node: it runs on the thread of these connections where there is one
/// (net/loop.hpp), anywhere else like any other actor.
template<class State>
class link_actor final : public caf::stateful_actor<State> {
public:
  using caf::stateful_actor<State>::stateful_actor;
  caf::resumable::subtype_t subtype() const override { return caf::resumable::io_actor; }
};

/// An actor whose calls may block for a moment: it runs on a thread of its own where there are threads.
template<class State>
class blocking_calls_actor final : public caf::stateful_actor<State> {
public:
  using caf::stateful_actor<State>::stateful_actor;
  caf::resumable::subtype_t subtype() const override { return caf::resumable::function_object; }
};

} // namespace broker

namespace caf {
template<class T>
struct allowed_unsafe_message_type<broker::parcel<T>> : std::true_type {};
} // namespace caf
