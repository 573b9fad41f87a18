#include "connection/channel_inbox.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/limits.hpp"

namespace broker {

namespace {

/// Messages reserved for at once; a batch of more grows.
constexpr size_t reserve_max = 1024;

} // namespace

publish_batch& channel_inbox::batch() {
  if (!input_.batch)
    input_.batch = make_ref<publish_batch>();
  return *input_.batch;
}

bool channel_inbox::continues_run(const message& what) const {
  if (input_.ops.empty() || input_.ops.back().what != channel_op::kind::publish)
    return false;
  const message& last = input_.batch->messages.back();
  return last.names_size == what.names_size && last.flags == what.flags
      && std::memcmp(last.names, what.names, what.names_size) == 0;
}

void channel_inbox::publish(const message& what, const block_ref& keeps, size_t expected) {
  publish_batch& into = batch();
  if (into.messages.empty())
    into.messages.reserve(std::min(reserve_max, expected));
  if (into.blocks.empty() || !(into.blocks.back() == keeps))
    into.blocks.push_back(keeps);
  const bool same_run = continues_run(what);
  const auto index = static_cast<uint32_t>(into.messages.size());
  into.messages.push_back(what);
  into.bytes += what.raw_size + limits::publish_overhead_bytes;
  if (same_run) {
    input_.ops.back().hi = index + 1;
    return;
  }
  channel_op& op = input_.ops.emplace_back();
  op.what = channel_op::kind::publish;
  op.lo = index;
  op.hi = index + 1;
}

void channel_inbox::ack(delivery_tag tag, bool multiple) {
  if (!multiple && !input_.ops.empty()) {
    channel_op& last = input_.ops.back();
    if (last.what == channel_op::kind::ack && !last.multiple && tag > last.last && tag - last.last == 1) {
      last.last = tag;
      return;
    }
  }
  batch().bytes += limits::ack_overhead_bytes;
  channel_op& op = input_.ops.emplace_back();
  op.what = channel_op::kind::ack;
  op.multiple = multiple;
  op.first = op.last = tag;
}

void channel_inbox::method(amqp::method what, size_t size) {
  batch().bytes += limits::method_overhead_bytes + size;
  channel_op& op = input_.ops.emplace_back();
  op.what = channel_op::kind::method;
  op.method = std::make_unique<amqp::method>(std::move(what));
}

channel_input channel_inbox::take(const ref<credit_sink>& credit) {
  BROKER_ASSERT(input_.batch && !input_.ops.empty(), "only what holds something is handed on");
  input_.batch->credit_to = credit;
  input_.batch->hold();
  return std::exchange(input_, {});
}

} // namespace broker
