#include "actors/operator_channel.hpp"

#include <algorithm>
#include <mutex> // layers: calls come from the thread of an HTTP server, answers from loops; a few per request

#include "actors/channel.hpp"
#include "amqp/frame.hpp"
#include "connection/channel_inbox.hpp"
#include "model/message_copy.hpp"

namespace broker {

namespace {

constexpr channel_number own_number = 1;

/// The channel's session: what it wants written is its answers.
class channel_session final : public session_link {
public:
  using answered = operator_channel::answered;

  void set_channel(caf::actor who) {
    std::lock_guard guard{mutex_};
    channel_ = std::move(who);
  }

  /// False, and `done` is called with why, when the channel has ended or is busy.
  bool expect(answered done) {
    {
      std::lock_guard guard{mutex_};
      if (!ended_ && !done_) {
        done_ = std::move(done);
        unroutable_ = false;
        return true;
      }
    }
    done(error{504, "CHANNEL_ERROR - the channel has ended"});
    return false;
  }

  void send(channel_inbox& what) {
    std::lock_guard guard{mutex_};
    if (!ended_)
      caf::anon_send(channel_, channel_input_msg{what.take(nullptr)});
  }

  void end(error why) {
    answered waiting;
    {
      std::lock_guard guard{mutex_};
      if (!std::exchange(ended_, true))
        caf::anon_send(channel_, channel_stop_msg{});
      channel_ = nullptr;
      waiting = std::exchange(done_, nullptr);
    }
    if (waiting)
      waiting(std::move(why));
  }

  // -- session_link; on the channel's loop --
  void push(std::vector<outgoing> items) override {
    for (outgoing& item : items)
      take(item);
  }
  void torn_down() override {}
  void close(error why) override { end(std::move(why)); }
  void credit(size_t) noexcept override {}

private:
  void take(outgoing& item) {
    if (item.what == outgoing::kind::connection_error)
      return end(std::move(item.failure));
    if (item.what == outgoing::kind::deliver)
      return; // nobody consumes here
    std::string_view left = item.bytes;
    while (left.size() >= amqp::frame_overhead_bytes) {
      const auto prefix = amqp::load_frame_prefix(left.data());
      const size_t size = static_cast<size_t>(prefix.frame_size());
      BROKER_ASSERT(size <= left.size() && prefix.type == amqp::frame_method, "channels write whole method frames");
      const auto payload = left.substr(amqp::frame_prefix_bytes, prefix.payload_size);
      auto method = amqp::decode_method(load_u32(payload.data()), payload.substr(amqp::method_id_bytes));
      BROKER_ASSERT(method.ok(), "what a channel wrote can be read");
      left.remove_prefix(size);
      take(*std::move(method), item);
    }
  }

  void take(amqp::method what, outgoing& item) {
    if (std::holds_alternative<amqp::basic_class::return_>(what)) {
      std::lock_guard guard{mutex_};
      unroutable_ = true;
      return;
    }
    if (const auto* closed = std::get_if<amqp::channel_class::close>(&what))
      return end(error{closed->reply_code, closed->reply_text});
    operator_channel::answer answer;
    answered waiting;
    {
      std::lock_guard guard{mutex_};
      answer.unroutable = unroutable_;
      waiting = std::exchange(done_, nullptr);
    }
    if (!waiting)
      return;
    answer.what = std::move(what);
    if (item.what == outgoing::kind::content)
      answer.content = std::move(item.run);
    waiting(std::move(answer));
  }

  std::mutex mutex_;
  caf::actor channel_;
  answered done_;
  bool unroutable_ = false;
  bool ended_ = false;
};

std::string body_frames(std::string_view body, size_t frame_max) {
  const size_t most = frame_max - amqp::frame_overhead_bytes;
  std::string frames;
  frames.reserve(body.size() + (body.size() / most + 1) * amqp::frame_overhead_bytes);
  while (!body.empty()) {
    const auto part = body.substr(0, most);
    char prefix[amqp::frame_prefix_bytes];
    amqp::store_frame_prefix(prefix, {amqp::frame_body, own_number, static_cast<uint32_t>(part.size())});
    frames.append(prefix, sizeof prefix).append(part).push_back(amqp::frame_end);
    body.remove_prefix(part.size());
  }
  return frames;
}

class internal_channel final : public operator_channel {
public:
  internal_channel(ref<channel_session> session, uint32_t frame_max)
    : session_(std::move(session)), frame_max_(frame_max) {}
  ~internal_channel() override { close(); }

  void call(amqp::method what, answered done) override {
    if (session_->expect(std::move(done)))
      tell(std::move(what));
  }

  void tell(amqp::method what) override {
    channel_inbox inbox;
    inbox.method(std::move(what), 0);
    session_->send(inbox);
  }

  void publish(outgoing_message what, answered done) override {
    // The first publish of a channel goes to confirm mode by itself, whose answer is not the publish's.
    if (std::exchange(confirming_, true))
      return publish_now(what, std::move(done));
    const auto self = ref<internal_channel>{this};
    call(amqp::confirm_class::select{},
         [self, what = std::move(what), done = std::move(done)](result<answer> selected) {
           selected.ok() ? self->publish_now(what, done) : done(std::move(selected));
         });
  }

  void close() override { session_->end({320, "CONNECTION_FORCED - the channel is closed"}); }

private:
  void publish_now(const outgoing_message& what, answered done) {
    byte_buffer header;
    amqp::encode_content_header(header, own_number, what.body.size(), what.properties);
    const std::string frames = body_frames(what.body, frame_max_);
    publish_batch made;
    append_message(made, {what.exchange, what.routing_key,
                          static_cast<uint16_t>(flags_of(what.properties) | message::mandatory), header.view(), frames,
                          static_cast<uint32_t>(what.body.size())});
    channel_inbox inbox;
    inbox.publish(made.messages.front(), made.blocks.front(), 1);
    if (session_->expect(std::move(done)))
      session_->send(inbox);
  }

  const ref<channel_session> session_;
  const uint32_t frame_max_;
  bool confirming_ = false;
};

} // namespace

ref<operator_channel> open_operator_channel(caf::actor_system& system, runtime& node, login user, std::string vhost) {
  channel_settings settings;
  settings.number = own_number;
  settings.connection = node.next_connection++; // of no session: owns nothing
  settings.vhost = std::move(vhost);
  settings.user = std::move(user);
  settings.node = node.node;
  settings.queue_leader_locator = node.queue_leader_locator;
  settings.nodes = node.cluster ? &node.bridges : nullptr;
  settings.in_minority = minority_of(node);
  settings.connection_name = "management";
  settings.tracing = &node.tracing;
  settings.exchanges = &node.exchanges;
  settings.random_seed = node.next_seed();
  settings.consumer_timeout_ms = node.consumer_timeout_ms;
  const uint32_t frame_max = settings.frame_max;
  const auto session = make_ref<channel_session>();
  session->set_channel(spawn_channel(system, node, std::move(settings), ref<session_link>{session}));
  return make_ref<internal_channel>(session, frame_max);
}

} // namespace broker
