// Which methods must not be answered from a snapshot that may be behind (guarantees.md G8). A node learns what others
// have changed a moment later than whoever was answered; a method that is answered from what *is* there, or is missing,
// first has the snapshot brought up to date. What is proposed is judged when it is applied, and needs nothing. A
// publish that would be dropped, returned or refused for want of a queue or an exchange has it brought up to date, too,
// or a node that stood still for a moment would confirm a message and drop it. In a minority nobody knows better.
#include "base/overloaded.hpp"
#include "channel/channel_impl.hpp"
#include "channel/names.hpp"

namespace broker {

namespace {

bool has_others(const metadata_snapshot& metadata) {
  size_t count = 0;
  metadata.for_each_node([&](const node_ptr&) { ++count; });
  return count > 1;
}

} // namespace

bool channel_state::impl::needs_current_metadata(const amqp::method& what) {
  if (!settings_.nodes)
    return false;
  const auto has_queue = [&](const std::string& name) {
    return metadata().find_queue(settings_.vhost, without_line_breaks(name.empty() ? last_queue_ : name)) != nullptr;
  };
  const bool answered_from_it = std::visit(
    overloaded{
      [&](const amqp::queue_class::declare& m) { return m.passive || (!m.queue.empty() && has_queue(m.queue)); },
      [&](const amqp::queue_class::delete_&) { return true; },
      [&](const amqp::queue_class::purge& m) { return !has_queue(m.queue); },
      [&](const amqp::basic_class::consume& m) { return !has_queue(m.queue); },
      [&](const amqp::basic_class::get& m) { return !has_queue(m.queue); },
      [&](const amqp::exchange_class::declare& m) {
        return m.passive || metadata().find_exchange(settings_.vhost, without_line_breaks(m.exchange)) != nullptr;
      },
      [](const auto&) { return false; },
    },
    what);
  return answered_from_it && has_others(metadata());
}

bool channel_state::impl::waits_for_routes(const batch_ref& batch, slice rest) {
  const bool is_current = inputs_ - backlog_.size() < current_;
  if (is_current || !settings_.nodes || !has_others(metadata()) || (settings_.in_minority && settings_.in_minority()))
    return false;
  current_ = inputs_;
  flush_publishes();
  bring_up_to_date([this, batch, rest](const command_result&) { publish(batch, rest); });
  return true;
}

void channel_state::impl::bring_up_to_date(std::function<void(const command_result&)> then) {
  BROKER_ASSERT(!waiting(), "one thing is waited for at a time");
  step_->bring_up_to_date = true;
  on_metadata_ = std::move(then);
}

} // namespace broker
