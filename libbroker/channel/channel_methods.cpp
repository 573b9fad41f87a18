// Dispatch of methods, and those of classes channel, access, confirm and tx (features.md W13, W14, W18, W19).

#include "amqp/reply.hpp"
#include "base/overloaded.hpp"
#include "channel/channel_impl.hpp"
#include "channel/reply_texts.hpp"

namespace broker {

void channel_state::impl::execute_method(amqp::method& what) {
  if (!needs_current_metadata(what))
    return execute_current(what);
  bring_up_to_date([this, kept = std::make_shared<amqp::method>(what)](const command_result& how) {
    if (!how.ok())
      return fail(how.failure);
    execute_current(*kept);
  });
}

void channel_state::impl::execute_current(amqp::method& what) {
  using namespace amqp;
  std::visit(
    overloaded{
      [&](const channel_class::open&) { fail(channel_error("second 'channel.open' seen")); },
      [&](const channel_class::flow& m) { handle(m); },
      [&](const channel_class::close&) {
        leave_queues();
        finish(encoded(channel_class::close_ok{}));
      },
      [&](const channel_class::close_ok&) { fail(command_invalid("unimplemented method")); },
      [&](const access_class::request&) { send(access_class::request_ok{}); },
      [&](const exchange_class::declare& m) { handle(m); },
      [&](const exchange_class::delete_& m) { handle(m); },
      [&](const exchange_class::bind& m) { handle(m); },
      [&](const exchange_class::unbind& m) { handle(m); },
      [&](const queue_class::declare& m) { handle(m); },
      [&](const queue_class::bind& m) { handle(m); },
      [&](const queue_class::unbind& m) { handle(m); },
      [&](const queue_class::purge& m) { handle(m); },
      [&](const queue_class::delete_& m) { handle(m); },
      [&](const basic_class::qos& m) { handle(m); },
      [&](const basic_class::consume& m) { handle(m); },
      [&](const basic_class::cancel& m) { handle(m); },
      [&](const basic_class::get& m) { handle(m); },
      [&](const basic_class::ack& m) { settle(settle_request::kind::ack, m.delivery_tag, m.delivery_tag, m.multiple); },
      [&](const basic_class::reject& m) {
        settle(m.requeue ? settle_request::kind::requeue : settle_request::kind::reject, m.delivery_tag, m.delivery_tag,
               false);
      },
      [&](const basic_class::nack& m) {
        settle(m.requeue ? settle_request::kind::requeue : settle_request::kind::reject, m.delivery_tag, m.delivery_tag,
               m.multiple);
      },
      [&](const basic_class::recover& m) { handle(m); },
      [&](const basic_class::recover_async& m) { handle(m); },
      [&](const confirm_class::select& m) { confirm_select(m.no_wait); },
      [&](const tx_class::select&) { tx_select(); },
      [&](const tx_class::commit&) { tx_commit(); },
      [&](const tx_class::rollback&) { tx_rollback(); },
      [&](const auto&) { fail(command_invalid("unimplemented method")); },
    },
    what);
}

void channel_state::impl::handle(const amqp::channel_class::flow& what) {
  if (!what.active)
    return fail(amqp::not_implemented("active=false"));
  send(amqp::channel_class::flow_ok{true});
}

const metadata_snapshot& channel_state::impl::metadata() {
  if (!snapshot_)
    snapshot_ = newest_metadata_();
  return *snapshot_;
}

bool channel_state::impl::may(resource_kind kind, std::string_view name, access how) {
  const auto allowed = metadata().authorise(settings_.user, settings_.vhost, kind, name, how);
  if (!allowed)
    fail(allowed.error());
  return allowed.ok();
}

queue_ptr channel_state::impl::open_queue(std::string_view name) {
  auto queue = metadata().find_queue(settings_.vhost, name);
  if (!queue) {
    fail(no_such_queue(settings_.vhost, name));
    return nullptr;
  }
  if (!owns(*queue)) {
    fail(queue_locked(settings_.vhost, name));
    return nullptr;
  }
  return reaches(*queue) ? queue : nullptr;
}

bool channel_state::impl::reaches(const queue_record& queue) {
  // A replicated queue is waited for.
  if (!settings_.nodes || queue.placement || !settings_.nodes->is_down(queue.node))
    return true;
  fail(home_node_down(queue.node, queue.vhost, queue.name));
  return false;
}

std::optional<std::string> channel_state::impl::queue_or_last(const std::string& name) {
  if (!name.empty())
    return name;
  if (last_queue_.empty()) {
    fail(amqp::not_found("no previously declared queue"));
    return std::nullopt;
  }
  return last_queue_;
}

} // namespace broker
