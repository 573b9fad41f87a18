// Whole channels against random clients and queues: nothing is confirmed twice, early or never (C8), no message is
// settled twice or forgotten, and credit comes back once per batch.
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

#include "base/random.hpp"
#include "channel/harness.hpp"

namespace channel_properties {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

/// Queues that take their time: they hold publishes and answer them in random pieces.
class lazy_queues {
public:
  explicit lazy_queues(channel_harness& harness) : harness_(harness) {}

  /// Takes over what the channel has asked; returns the batches it now holds.
  void collect() {
    for (auto& [queue, request] : harness_.take<publish_request>()) {
      for (const slice& part : request.slices)
        for (uint32_t i = part.lo; i < part.hi; ++i)
          if (request.confirm)
            owed_[queue].insert(request.batch->first_confirm + i);
      request.batch->release();
    }
  }

  /// One queue answers for a run of what it owes. False if no queue owes anything.
  bool answer_some(random_source& random) {
    std::erase_if(owed_, [](const auto& entry) { return entry.second.empty(); });
    if (owed_.empty())
      return false;
    auto entry = std::next(owed_.begin(), static_cast<ptrdiff_t>(random.below(owed_.size())));
    auto at = std::next(entry->second.begin(), static_cast<ptrdiff_t>(random.below(entry->second.size())));
    const confirm_number first = *at;
    confirm_number last = first;
    for (auto limit = 1 + random.below(30); at != entry->second.end() && *at == last && limit > 0; --limit, ++last)
      at = entry->second.erase(at);
    harness_.answer(confirmed{entry->first, {first, last}, random.chance(1, 10)});
    return true;
  }

  void lose(queue_id queue) {
    owed_.erase(queue);
    harness_.gone(queue);
  }

private:
  channel_harness& harness_;
  std::map<queue_id, std::set<confirm_number>> owed_;
};

/// A client that counts its publishes and crosses them off.
class counting_client {
public:
  void published(uint32_t count) {
    for (; count > 0; --count)
      open_.insert(++last_);
  }
  void read(const std::vector<amqp::method>& replies) {
    for (const auto& reply : replies) {
      if (const auto* ack = std::get_if<basic::ack>(&reply))
        cross_off(ack->delivery_tag, ack->multiple);
      else if (const auto* nack = std::get_if<basic::nack>(&reply))
        cross_off(nack->delivery_tag, nack->multiple);
    }
  }
  size_t open() const { return open_.size(); }

private:
  void cross_off(delivery_tag tag, bool multiple) {
    BOOST_REQUIRE(open_.contains(tag));
    if (multiple)
      open_.erase(open_.begin(), open_.upper_bound(tag));
    else
      open_.erase(tag);
  }

  delivery_tag last_ = 0;
  std::set<delivery_tag> open_;
};

void publish_and_confirm(uint64_t seed) {
  random_source random{seed};
  channel_harness harness;
  std::vector<queue_id> ids;
  for (const auto* name : {"a", "b", "c"}) {
    ids.push_back(harness.metadata->add_queue(name));
    harness.metadata->bind("amq.fanout", "", name);
  }
  harness.send(amqp::confirm_class::select{});
  harness.replies();
  lazy_queues queues{harness};
  counting_client client;
  size_t batches = 1;

  for (int i = 0; i < 200; ++i) {
    if (random.chance(1, 2)) {
      input_builder input;
      for (auto runs = 1 + random.below(5); runs > 0; --runs) {
        constexpr std::string_view keys[] = {"a", "b", "c", "nowhere"};
        publish_options options;
        options.count = static_cast<uint32_t>(1 + random.below(8));
        options.flags = random.chance(1, 3) ? message::mandatory : 0;
        if (random.chance(1, 4))
          options.properties.headers.emplace().set("n", {int32_t{1}});
        const bool fan_out = random.chance(1, 4);
        input.publish(fan_out ? "amq.fanout" : "", keys[random.below(std::size(keys))], options);
        client.published(options.count);
      }
      harness.send(input);
      ++batches;
    } else if (random.chance(1, 30)) {
      queues.collect();
      queues.lose(ids[random.below(ids.size())]);
    } else {
      queues.answer_some(random);
    }
    queues.collect();
    client.read(harness.replies());
    BOOST_REQUIRE(harness.channel.unconfirmed() == client.open());
  }
  while (queues.answer_some(random))
    client.read(harness.replies());
  client.read(harness.replies());
  BOOST_TEST(client.open() == 0u);
  BOOST_TEST(harness.sink->times == batches);
}

/// One consumer of each of two queues, random acks of every kind; the queues check what they hear.
void deliver_and_settle(uint64_t seed) {
  random_source random{seed};
  channel_harness harness;
  const std::vector<queue_id> ids{harness.metadata->add_queue("a"), harness.metadata->add_queue("b")};
  const std::vector<consumer_ref> consumers{harness.consume(ids[0], "a", "ca"), harness.consume(ids[1], "b", "cb")};
  std::map<queue_id, std::set<seqno>> unacked;
  std::map<queue_id, seqno> next{{ids[0], 1}, {ids[1], 1}};
  delivery_tag last_tag = 0;
  std::set<delivery_tag> open;

  for (int i = 0; i < 300; ++i) {
    if (random.chance(1, 2)) {
      const auto& who = consumers[random.below(2)];
      const auto count = static_cast<uint32_t>(1 + random.below(100));
      harness.deliver(who, count, next[who->queue]);
      for (uint32_t k = 0; k < count; ++k) {
        unacked[who->queue].insert(next[who->queue]++);
        open.insert(++last_tag);
      }
    } else if (!open.empty()) {
      const delivery_tag tag = *std::next(open.begin(), static_cast<ptrdiff_t>(random.below(open.size())));
      const bool multiple = random.chance(1, 4);
      if (random.chance(1, 2))
        harness.send(basic::nack{tag, multiple, random.chance(1, 2)});
      else
        harness.send(basic::ack{tag, multiple});
      open.erase(multiple ? open.begin() : open.find(tag), open.upper_bound(tag));
    }
    for (const auto& [queue, request] : harness.take<settle_request>())
      for (const auto& range : request.seqs)
        for (seqno seq = range.first; seq < range.last; ++seq)
          BOOST_REQUIRE(unacked[queue].erase(seq) == 1u);
    harness.step.out.clear();
    BOOST_REQUIRE(harness.channel.unacked() == open.size());
    BOOST_REQUIRE(unacked[ids[0]].size() + unacked[ids[1]].size() == open.size());
    BOOST_REQUIRE(consumers[0]->window->unacked.load() == static_cast<int64_t>(open.size()));
  }
}

} // namespace
} // namespace channel_properties

BOOST_AUTO_TEST_SUITE(channel_properties)

BOOST_AUTO_TEST_CASE(every_publish_is_acked_or_nacked_exactly_once) {
  for (uint64_t seed = 1; seed <= 60; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  publish_and_confirm(seed);
}

BOOST_AUTO_TEST_CASE(every_delivery_is_settled_exactly_once) {
  for (uint64_t seed = 1; seed <= 60; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  deliver_and_settle(seed);
}

BOOST_AUTO_TEST_SUITE_END()
