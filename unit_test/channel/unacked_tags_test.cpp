// Promise W64 (features.md): a delivery tag is settled once, and an unknown one is an error.
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

#include "base/random.hpp"
#include "channel/unacked_tags.hpp"

namespace unacked_tags_promises {
namespace {

using namespace broker;

consumer_ref a_consumer(queue_id queue) {
  auto who = make_ref<consumer>();
  who->queue = queue;
  return who;
}

/// Two messages, and then three that came before them in their queue and are delivered again.
unacked_tags::blocks with_redelivered(const consumer_ref& who) {
  unacked_tags tags;
  tags.add(1, 2, 8, who->queue, who);
  tags.add(3, 3, 1, who->queue, who);
  unacked_tags::blocks taken;
  tags.take_all(taken);
  return taken;
}

/// Sequence numbers settled for (queue, consumer), expanded.
std::map<std::pair<queue_id, const consumer*>, std::vector<seqno>> expanded(const unacked_tags::blocks& taken) {
  std::map<std::pair<queue_id, const consumer*>, std::vector<seqno>> all;
  for (const auto& [queue, request] : settle_requests(taken, settle_request::kind::ack, nullptr)) {
    auto& seqs = all[{queue, request.by.get()}];
    BOOST_REQUIRE(seqs.empty());
    for (const auto& range : request.seqs)
      for (seqno seq = range.first; seq < range.last; ++seq) {
        BOOST_REQUIRE((seqs.empty() || seqs.back() < seq));
        seqs.push_back(seq);
      }
  }
  return all;
}

} // namespace
} // namespace unacked_tags_promises

BOOST_AUTO_TEST_SUITE(unacked_tags_promises)

BOOST_AUTO_TEST_CASE(a_prefix_acked_in_order_is_one_range) {
  unacked_tags tags;
  const auto who = a_consumer(4);
  tags.add(1, 1000, 501, 4, who);
  unacked_tags::blocks taken;
  BOOST_TEST(tags.take_up_to(700, taken));
  const auto requests = settle_requests(taken, settle_request::kind::ack, nullptr);
  BOOST_REQUIRE(requests.size() == 1u);
  BOOST_REQUIRE(requests[0].second.seqs.size() == 1u);
  BOOST_TEST((requests[0].second.seqs[0] == seq_range{501, 1201}));
  BOOST_TEST(tags.size() == 300u);
}

BOOST_AUTO_TEST_CASE(an_unknown_tag_is_reported_and_those_before_it_are_taken) {
  unacked_tags tags;
  tags.add(1, 10, 1, 4, a_consumer(4));
  unacked_tags::blocks taken;
  BOOST_TEST(!tags.take(5, 5, taken).has_value());
  const auto unknown = tags.take(3, 8, taken);
  BOOST_REQUIRE(unknown.has_value());
  BOOST_TEST(*unknown == 5u);
  BOOST_TEST(tags.size() == 7u);
  BOOST_TEST(*tags.take(11, 11, taken) == 11u);
  BOOST_TEST(*tags.take(0, 0, taken) == 0u);
  BOOST_TEST(*tags.take(~uint64_t{0}, ~uint64_t{0}, taken) == ~uint64_t{0});
}

BOOST_AUTO_TEST_CASE(multiple_up_to_a_settled_tag_takes_nothing) {
  unacked_tags tags;
  tags.add(1, 10, 1, 4, a_consumer(4));
  unacked_tags::blocks taken;
  BOOST_TEST(!tags.take(5, 5, taken).has_value());
  taken.clear();
  BOOST_TEST(!tags.take_up_to(5, taken));
  BOOST_TEST(!tags.take_up_to(11, taken));
  BOOST_TEST(taken.empty());
  BOOST_TEST(tags.size() == 9u);
}

BOOST_AUTO_TEST_CASE(redelivered_messages_are_settled_in_the_order_of_their_queue) {
  const auto requests = settle_requests(with_redelivered(a_consumer(4)), settle_request::kind::requeue, nullptr);
  BOOST_REQUIRE(requests.size() == 1u);
  const std::vector<seq_range> wanted{{1, 4}, {8, 10}};
  BOOST_TEST((requests[0].second.seqs == wanted));
}

BOOST_AUTO_TEST_CASE(redelivered_messages_are_rejected_in_the_order_of_their_tags) {
  const auto who = a_consumer(4);
  const auto requests = settle_requests(with_redelivered(who), settle_request::kind::reject, nullptr);
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST((requests[0].second.seqs == std::vector<seq_range>{{8, 10}}));
  BOOST_TEST((requests[1].second.seqs == std::vector<seq_range>{{1, 4}}));
  BOOST_TEST((requests[1].second.by == who));
}

BOOST_AUTO_TEST_CASE(what_was_fetched_goes_back_before_what_consumers_hold_and_they_follow_by_tag) {
  unacked_tags tags;
  const auto first = a_consumer(4);
  first->tag = "t2";
  const auto second = a_consumer(4);
  second->tag = "t1";
  tags.add(1, 2, 1, 4, first);
  tags.add(3, 1, 3, 4, second);
  tags.add(4, 1, 4, 4, nullptr);
  unacked_tags::blocks taken;
  tags.take_all(taken);
  const auto requests = settle_requests(taken, settle_request::kind::requeue, nullptr);
  BOOST_REQUIRE(requests.size() == 3u);
  BOOST_TEST(!requests[0].second.by);
  BOOST_TEST((requests[1].second.by == second));
  BOOST_TEST((requests[2].second.by == first));
}

BOOST_AUTO_TEST_CASE(prefetch_one_at_a_time_does_not_grow_memory) {
  unacked_tags tags;
  const auto who = a_consumer(4);
  tags.add(1, 1, 1, 4, who); // stays unacked
  unacked_tags::blocks taken;
  for (delivery_tag tag = 2; tag < 100'000; ++tag) {
    tags.add(tag, 1, tag * 2, 4, who);
    BOOST_REQUIRE(!tags.take(tag, tag, taken).has_value());
    taken.clear();
  }
  std::vector<queue_id> queues;
  tags.append_queues(queues);
  BOOST_TEST(queues.size() == 1u);
  BOOST_TEST(tags.size() == 1u);
}

struct held {
  queue_id queue;
  const consumer* who;
  seqno seq;
};

void compare_with_model(uint64_t seed) {
  random_source random{seed};
  unacked_tags tags;
  const std::vector<consumer_ref> consumers{a_consumer(1), a_consumer(1), a_consumer(2), nullptr};
  std::map<delivery_tag, held> model;
  delivery_tag next = 1;
  seqno next_seq = 1;
  std::vector<std::pair<unacked_tags::blocks, std::map<delivery_tag, held>>> undoable;

  for (int i = 0; i < 300; ++i) {
    unacked_tags::blocks taken;
    std::map<delivery_tag, held> expected;
    const auto move = [&](delivery_tag tag) { expected.insert(model.extract(tag)); };
    const auto kind = random.below(10);
    if (kind < 4) {
      const auto& who = consumers[random.below(consumers.size())];
      const auto count = static_cast<uint32_t>(1 + random.below(random.chance(1, 4) ? 200 : 3));
      if (random.chance(1, 5))
        next += random.below(3);
      if (random.chance(1, 5))
        next_seq += random.below(5);
      const queue_id queue = who ? who->queue : 3;
      tags.add(next, count, next_seq, queue, who);
      for (uint32_t k = 0; k < count; ++k)
        model[next++] = {queue, who.get(), next_seq++};
    } else if (kind < 8) {
      const delivery_tag first = random.below(next + 2);
      const delivery_tag last = first + random.below(random.chance(1, 2) ? 1 : 100);
      std::optional<delivery_tag> unknown;
      for (delivery_tag tag = first; tag <= last && !unknown; ++tag) {
        if (model.contains(tag))
          move(tag);
        else
          unknown = tag;
      }
      BOOST_REQUIRE((tags.take(first, last, taken) == unknown));
    } else if (kind == 8) {
      const delivery_tag last = random.below(next + 2);
      const bool known = model.contains(last);
      BOOST_REQUIRE(tags.take_up_to(last, taken) == known);
      while (known && !model.empty() && model.begin()->first <= last)
        move(model.begin()->first);
    } else if (!undoable.empty()) {
      tags.put_back(undoable.back().first);
      model.merge(undoable.back().second);
      undoable.pop_back();
    }
    std::map<std::pair<queue_id, const consumer*>, std::vector<seqno>> wanted;
    for (const auto& [tag, what] : expected)
      wanted[{what.queue, what.who}].push_back(what.seq);
    BOOST_REQUIRE(expanded(taken) == wanted);
    BOOST_REQUIRE(tags.size() == model.size());
    if (random.chance(1, 4))
      undoable.emplace_back(taken, expected);
  }
}

BOOST_AUTO_TEST_CASE(tags_agree_with_a_map_of_every_message) {
  for (uint64_t seed = 1; seed <= 200; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  compare_with_model(seed);
}

BOOST_AUTO_TEST_SUITE_END()
