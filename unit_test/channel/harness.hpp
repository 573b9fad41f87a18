// A channel between a client and queues that are both the test: inputs are built op by op, everything the channel asks
// for is kept for the test to look at.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "amqp/properties.hpp"
#include "channel/channel_state.hpp"
#include "channel/fake_metadata.hpp"

namespace broker::test {

/// Counts the credit a session would get back.
class counting_sink final : public credit_sink {
public:
  void credit(size_t bytes) noexcept override {
    credited += bytes;
    ++times;
  }
  size_t credited = 0;
  size_t times = 0;
};

struct publish_options {
  uint16_t flags = 0; ///< mandatory, immediate; the others follow from the properties
  amqp::properties properties{};
  std::string body = "hello";
  uint32_t count = 1;
};

/// Options with one property set.
template<class T, class Value>
publish_options with(std::optional<T> amqp::properties::*property, Value value) {
  publish_options options;
  options.properties.*property = T(std::move(value));
  return options;
}

/// Builds what one socket read brings for the channel.
class input_builder {
public:
  input_builder();
  input_builder& publish(std::string_view exchange, std::string_view key, const publish_options& options = {});
  input_builder& ack(delivery_tag tag, bool multiple = false) { return ack_range(tag, tag, multiple); }
  input_builder& ack_range(delivery_tag first, delivery_tag last, bool multiple = false);
  input_builder& method(amqp::method what);
  channel_input build(ref<credit_sink> sink = nullptr);

private:
  channel_input input_;
};

/// A batch of `count` small messages, as a queue would deliver them.
batch_ref some_messages(uint32_t count, std::string_view exchange = "", std::string_view key = "q");

class channel_harness {
public:
  explicit channel_harness(channel_settings settings = default_settings());
  static channel_settings default_settings();

  // -- the client --
  void send(input_builder& what);
  void send(amqp::method what);
  /// Methods the channel has sent since the last call; a returned or fetched message counts as its method.
  std::vector<amqp::method> replies();
  /// The only reply since the last call, as a T; fails the test otherwise.
  template<class T>
  std::optional<T> reply() {
    const auto all = replies();
    if (all.size() != 1 || !std::holds_alternative<T>(all.front()))
      return std::nullopt;
    return std::get<T>(all.front());
  }
  /// The channel.close since the last call: "404 NOT_FOUND - ... (50,10)". Empty if there was none.
  std::string closed_with();
  /// The connection error since the last call: "530 NOT_ALLOWED - ... (60,20)".
  std::string connection_closed_with();

  // -- queues --
  /// One that names no question answers the last.
  void answer(queue_event what, epoch from = 0);
  void gone(queue_id queue);
  /// Requests of type T since the last take(), with their queues.
  template<class T>
  std::vector<std::pair<queue_id, T>> take() {
    std::vector<std::pair<queue_id, T>> found;
    note_question();
    for (auto& [queue, request] : std::exchange(step.requests, {}))
      if (auto* wanted = std::get_if<T>(&request))
        found.emplace_back(queue, std::move(*wanted));
    return found;
  }
  /// Consumes from `queue`, answering for it.
  consumer_ref consume(queue_id queue, const std::string& name, const std::string& tag, bool no_ack = false);
  /// `queue` delivers `count` messages with sequence numbers from `first`.
  void deliver(const consumer_ref& to, uint32_t count, seqno first);

  /// The last that a queue was asked.
  question_number question();

  // -- metadata --
  /// Applies the oldest proposal and reports it done.
  void commit();
  /// Reports the oldest proposal failed.
  void refuse(error why);

  std::shared_ptr<fake_metadata> metadata = std::make_shared<fake_metadata>();
  ref<counting_sink> sink = make_ref<counting_sink>();
  channel_ref self = make_ref<channel_address>(7);
  channel_step step; ///< effects not taken yet
  channel_state channel;

private:
  void note_question();

  question_number question_ = 0; ///< the last that a queue was asked
};

/// "404 NOT_FOUND - no queue 'q' in vhost '/' (60,20)"
std::string shown(uint16_t code, std::string_view text, uint32_t method);

} // namespace broker::test
