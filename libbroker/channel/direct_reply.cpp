// Direct reply-to (features.md W69): a channel's reply consumer has no queue. Its address names node and channel and
// carries a secret; a publish to that address through the default exchange goes straight to the channel, which passes
// it on. As RabbitMQ's, such a publish counts as unroutable: confirmed at once, returned if mandatory.

#include <charconv>

#include "amqp/reply.hpp"
#include "channel/channel_impl.hpp"
#include "channel/message_checks.hpp"
#include "channel/reply_texts.hpp"
#include "channel/server_names.hpp"
#include "cluster/node_tag.hpp"

namespace broker {
namespace {

struct addressee {
  uint32_t node = 0;
  uint64_t channel = 0; ///< 0: it was no address
};

/// Who an address names: "amq.rabbitmq.reply-to.<node>.<identity>.<secret>".
addressee addressee_of(std::string_view address) {
  if (address.size() <= reply_to_name.size() || address[reply_to_name.size()] != '.')
    return {};
  address.remove_prefix(reply_to_name.size() + 1);
  addressee named;
  const char* const end = address.data() + address.size();
  const auto node = std::from_chars(address.data(), end, named.node);
  if (node.ec != std::errc{} || node.ptr == end || *node.ptr != '.')
    return {};
  const auto channel = std::from_chars(node.ptr + 1, end, named.channel);
  return channel.ec == std::errc{} && channel.ptr != end && *channel.ptr == '.' ? named : addressee{};
}

} // namespace

void channel_state::impl::consume_replies(const amqp::basic_class::consume& what) {
  if (!what.no_ack)
    return fail(amqp::precondition_failed("reply consumer cannot acknowledge"));
  if (reply_consumer_)
    return fail(amqp::precondition_failed("reply consumer already set"));
  reply_consumer_ = make_ref<consumer>();
  reply_consumer_->tag = what.consumer_tag.empty() ? server_name("amq.ctag-", random_) : what.consumer_tag;
  reply_consumer_->channel = self_;
  reply_consumer_->channel_id = settings_.number;
  reply_consumer_->no_ack = true;
  reply_address_ = server_name(std::string{reply_to_name} + "." + std::to_string(node_tag(settings_.node)) + "."
                                 + std::to_string(self_->id) + ".",
                               random_);
  reply(what.no_wait, amqp::basic_class::consume_ok{reply_consumer_->tag});
}

void channel_state::impl::send_direct_reply(const batch_ref& batch, slice run) {
  const auto address = batch->messages[run.lo].routing_key();
  if (const addressee to = addressee_of(address); to.channel != 0)
    step_->replies.push_back({to.node, to.channel, std::string{address}, batch, run});
}

void channel_state::impl::take_direct_reply(direct_reply& what) {
  if (phase_ != phase::open || !reply_consumer_ || what.address != reply_address_)
    return;
  size_t bytes = 0;
  for (uint32_t i = what.where.lo; i < what.where.hi; ++i)
    bytes += what.batch->messages[i].raw_size;
  if (reply_consumer_->unwritten_bytes.load() > static_cast<int64_t>(limits::reply_backlog_bytes))
    return;
  reply_consumer_->unwritten_bytes.fetch_add(static_cast<int64_t>(bytes));
  delivered reply{reply_consumer_, {std::move(what.batch), what.where, 0}, false, bytes};
  deliver(reply);
}

void channel_state::impl::declare_reply_address(const amqp::queue_class::declare& what, const std::string& name) {
  const addressee to = addressee_of(name);
  const bool own = reply_consumer_ && (name == reply_address_ || name == reply_to_name);
  const bool other = to.channel != 0 && !(to.node == node_tag(settings_.node) && to.channel == self_->id);
  const bool lives = own || (other && settings_.channel_lives && settings_.channel_lives(to.node, to.channel));
  if (!lives)
    return fail(no_such_queue(settings_.vhost, name));
  last_queue_ = name;
  reply(what.no_wait, amqp::queue_class::declare_ok{name, 0, 1});
}

} // namespace broker
