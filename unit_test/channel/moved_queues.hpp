// A channel whose queue is replicated, and its client: what the tests of masters that come and go share.
#pragma once

#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"
#include "channel/replicated_use.hpp"

namespace moved_queues {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

const replication::channel_id own{1, 10, 7};

inline channel_settings publishing_settings() {
  auto settings = channel_harness::default_settings();
  settings.publisher = own;
  return settings;
}

/// What a publish request brings to its queue.
struct sent {
  std::vector<confirm_number> numbers;
  uint64_t prev = 0;
  friend bool operator==(const sent&, const sent&) = default;
};

struct fixture : channel_harness {
  fixture() : channel_harness(publishing_settings()) {
    q = metadata->add_queue("q");
    metadata->set_master("q", 5);
  }
  void confirm_select() {
    send(amqp::confirm_class::select{});
    BOOST_REQUIRE(reply<amqp::confirm_class::select_ok>());
  }
  void publish(uint32_t count = 1, const std::string& key = "q") {
    publish_options options;
    options.count = count;
    input_builder input;
    input.publish("", key, options);
    send(input);
  }
  /// Publishes the channel has sent to `queue` since the last call; the queue lets go of them.
  std::vector<sent> publishes(queue_id queue = 0) {
    std::vector<sent> all;
    for (auto& [to, request] : take<publish_request>()) {
      BOOST_TEST(request.confirm);
      request.batch->release();
      if (to != (queue ? queue : q))
        continue;
      BOOST_TEST((request.from.channel == own));
      sent& one = all.emplace_back();
      one.prev = request.from.prev;
      for (const slice& part : request.slices)
        for (uint32_t i = part.lo; i < part.hi; ++i)
          one.numbers.push_back(request.batch->first_confirm + i);
    }
    return all;
  }
  void move(epoch mastership) {
    metadata->set_master("q", mastership);
    channel.queue_moved(q, mastership, step);
  }
  /// What the channel says then is lost like everything else.
  void lose(epoch mastership) {
    channel.queue_unreachable(q, {404, "NOT_FOUND - down"}, step, mastership);
    step.requests.clear();
  }
  void confirm(confirm_number first, confirm_number end, bool rejected = false, epoch from = 0) {
    answer(confirmed{q, {first, end}, rejected}, from);
  }
  /// Tags acked and nacked since the last call: +up to, -up to.
  std::vector<int64_t> told() {
    std::vector<int64_t> all;
    for (const auto& each : replies()) {
      if (const auto* ack = std::get_if<basic::ack>(&each))
        all.push_back(static_cast<int64_t>(ack->delivery_tag));
      else if (const auto* nack = std::get_if<basic::nack>(&each))
        all.push_back(-static_cast<int64_t>(nack->delivery_tag));
    }
    return all;
  }
  std::vector<consumer_ref> begun() {
    std::vector<consumer_ref> all;
    for (auto& [to, request] : take<consume_request>())
      all.push_back(request.who);
    return all;
  }
  size_t delivered_to_client() {
    size_t count = 0;
    for (const auto& each : std::exchange(step.out, {}))
      count += each.what == outgoing::kind::deliver ? each.run.where.size() : 0;
    return count;
  }
  /// `to`: the question; 0: the last.
  void give(seqno seq, uint32_t left, epoch from, bool no_ack = false, question_number to = 0) {
    got what;
    what.queue = q;
    what.run = {some_messages(1), {0, 1}, seq};
    what.no_ack = no_ack;
    what.messages_left = left;
    what.question = to;
    answer(std::move(what), from);
  }
  void get(bool no_ack = false) {
    basic::get what;
    what.queue = "q";
    what.no_ack = no_ack;
    send(what);
  }
  uint64_t tick(uint64_t at_ms) {
    step.tick_in_ms = 0;
    channel.tick(at_ms, step);
    return step.tick_in_ms;
  }

  queue_id q = 0;
};

using sents = std::vector<sent>;
using tolds = std::vector<int64_t>;

} // namespace moved_queues
