#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "base/random.hpp"
#include "bridge/two_nodes.hpp"
#include "cluster/wire_fields.hpp"

using namespace bridge_test;
using namespace broker::bridging;

namespace queue_wire {
namespace {

/// Encoding what was decoded gives the same bytes: so nothing was lost.
void same_again(const record& what) {
  std::string frame;
  encode(what, frame);
  const auto decoded = decode(frame);
  const std::string why = decoded.ok() ? "" : decoded.error().text;
  BOOST_REQUIRE_EQUAL(why, "");
  BOOST_REQUIRE_EQUAL(decoded->size(), 1u);
  BOOST_CHECK_EQUAL(decoded->front().index(), what.index());
  std::string again;
  encode(decoded->front(), again);
  BOOST_CHECK(frame == again);
}

publish some_publish() {
  publish what;
  what.channel = 7;
  what.confirm = true;
  what.batch = numbered(100, 20, true);
  what.batch->first_confirm = 41;
  what.targets = {{3, {{2, 5}, {8, 9}}}, {4, {{4, 12}}}, {5, {{2, 12}}}};
  return what;
}

/// To replicated queues, and one that is none.
publish some_replicated_publish() {
  publish what = some_publish();
  what.publisher = {3, 1ull << 40, 77};
  what.targets[0].mastership = 5;
  what.targets[0].prev = 17;
  what.targets[1].mastership = 1ull << 33;
  what.targets[1].prev = 0;
  return what;
}

std::vector<record> all_kinds() {
  amqp::field_table arguments;
  arguments.set("x-priority", {int32_t{5}});
  consumer_report seen;
  seen.tag = "t";
  seen.node = "rabbit@a";
  seen.connection = 1ull << 50;
  seen.priority = -3;
  seen.arguments = arguments;
  queue_report counts;
  counts.ready = 5;
  counts.flow = counts.minority = counts.copied = true;
  counts.details.disk_reads = 300;
  counts.details.head_timestamp_s = 1'700'000'000;
  counts.details.consumer_capacity = 0.5;
  counts.details.exclusive_consumer = consumer_place{"x", "rabbit@a", 3, 1};
  const batch_ref batch = numbered(1, 4);
  return {some_publish(),
          some_replicated_publish(),
          settle{settle_request::kind::reject, 7, 3, 2, {{1, 4}, {9, 10}}},
          settle{settle_request::kind::ack, 7, 3, 0, {{1, 4}}, 300},
          consume{1, 7, 3, 1ull << 40, 3, "queue", "tag", false, true, true, 10, -1, arguments},
          cancel{4},
          ask{ask::kind::erase, 7, 3, false, true, true, 0, 300},
          ask{ask::kind::gone, 7, 3, false, false, false, 6, 0, {3, 200, 77}},
          written{2, 12345},
          lend{7, 100, true},
          recall{7},
          forget{2},
          bridging::channel_ended{7},
          reply{9, "amq.rabbitmq.reply-to.1.9.x", batch, {1, 3}},
          report_ask{1, 3, true},
          taken{{0, 1}},
          delivery{2, {batch, {1, 4}, 77}, true, 400},
          answer{answer::kind::checked, 7, 3, 1, 0, error{406, "PRECONDITION_FAILED - not empty"}, 0, 300},
          answer{answer::kind::moved, 7, 3, 0, 0, std::nullopt, 9},
          answer{answer::kind::elsewhere, 7, 3, 0, 0, std::nullopt},
          confirms{7, 3, {41, 44}, true},
          fetched{7, 3, {batch, {0, 1}, 5}, true, false, 9, 0, 1ull << 40},
          fetched{7, 3, {}, false, true, 0},
          consumer_event{consumer_event::kind::refused, 2, {403, "ACCESS_REFUSED"}},
          consumer_event{consumer_event::kind::moved, 2, {}},
          gap{7, 3, 1ull << 40, 300},
          want{7, 3},
          returned{7, 3},
          report_answer{1, counts, std::nullopt},
          report_answer{2, std::nullopt, std::vector<consumer_report>{seen, seen}},
          report_answer{3, std::nullopt, std::nullopt}};
}

} // namespace
} // namespace queue_wire

BOOST_AUTO_TEST_SUITE(queue_wire)

BOOST_AUTO_TEST_CASE(every_record_arrives_as_it_was_sent) {
  for (const record& each : all_kinds())
    same_again(each);
}

BOOST_AUTO_TEST_CASE(records_of_a_frame_keep_their_order) {
  std::string frame;
  const auto sent = all_kinds();
  for (const record& each : sent)
    encode(each, frame);
  const auto decoded = decode(frame);
  BOOST_REQUIRE(decoded.ok());
  BOOST_REQUIRE_EQUAL(decoded->size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i)
    BOOST_CHECK_EQUAL((*decoded)[i].index(), sent[i].index());
}

BOOST_AUTO_TEST_CASE(messages_keep_their_numbers_when_others_of_their_batch_are_not_sent) {
  std::string frame;
  encode(some_publish(), frame);
  const auto decoded = decode(frame);
  BOOST_REQUIRE(decoded.ok());
  const auto& what = std::get<publish>(decoded->front());
  const std::vector<slice> expected[] = {{{0, 3}, {6, 7}}, {{2, 10}}, {{0, 10}}};
  for (size_t target = 0; target < 3; ++target) {
    BOOST_CHECK(what.targets[target].slices == expected[target]);
    for (const slice& part : what.targets[target].slices)
      for (uint32_t i = part.lo; i < part.hi; ++i) {
        BOOST_CHECK_EQUAL(number_of(what.batch->messages[i]), 102u + i);
        BOOST_CHECK_EQUAL(what.batch->first_confirm + i, 43u + i);
        BOOST_CHECK(what.batch->messages[i].has(message::persistent));
      }
  }
}

BOOST_AUTO_TEST_CASE(a_publish_tells_which_master_it_is_for_and_what_came_before_it) {
  std::string frame;
  encode(some_replicated_publish(), frame);
  const auto decoded = decode(frame);
  BOOST_REQUIRE(decoded.ok());
  const auto& what = std::get<publish>(decoded->front());
  BOOST_CHECK((what.publisher == replication::channel_id{3, 1ull << 40, 77}));
  BOOST_CHECK(what.targets[0].mastership == 5 && what.targets[0].prev == 17u);
  BOOST_CHECK(what.targets[1].mastership == 1ull << 33 && what.targets[1].prev == 0u);
  BOOST_CHECK(what.targets[2].mastership == 0 && !what.targets[2].prev);
}

BOOST_AUTO_TEST_CASE(a_publish_that_comes_before_the_one_before_it_is_an_error) {
  for (const uint64_t prev : {40ull, 42ull, 43ull, 44ull}) { // its first number is 43
    publish what = some_replicated_publish();
    what.targets[0].prev = prev;
    std::string frame;
    encode(what, frame);
    BOOST_CHECK_EQUAL(decode(frame).ok(), prev < 43);
  }
}

BOOST_AUTO_TEST_CASE(all_bodies_of_a_frame_lie_in_one_block) {
  std::string frame;
  for (int i = 0; i < 3; ++i)
    encode(some_publish(), frame);
  const auto decoded = decode(frame);
  BOOST_REQUIRE(decoded.ok());
  for (const record& each : *decoded) {
    BOOST_REQUIRE_EQUAL(std::get<publish>(each).batch->blocks.size(), 1u);
    BOOST_CHECK(std::get<publish>(each).batch->blocks.front()
                == std::get<publish>(decoded->front()).batch->blocks.front());
  }
  BOOST_CHECK_EQUAL(std::get<publish>(decoded->front()).batch->blocks.front()->capacity(), frame.size());
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_cut_short_is_an_error_or_its_first_records) {
  std::string frame;
  size_t ends[40] = {};
  size_t count = 0;
  for (const record& each : all_kinds()) {
    encode(each, frame);
    ends[count++] = frame.size();
  }
  for (size_t size = 0; size < frame.size(); ++size) {
    const std::string cut = frame.substr(0, size);
    const auto decoded = decode(cut);
    const auto whole = std::find(ends, ends + count, size);
    const bool at_an_end = size == 0 || whole != ends + count;
    BOOST_CHECK_EQUAL(decoded.ok(), at_an_end);
  }
}

BOOST_AUTO_TEST_CASE(what_no_node_sends_is_an_error) {
  const auto fails = [](std::string frame) { BOOST_CHECK(!decode(frame).ok()); };
  const auto fields = [](uint8_t type, std::initializer_list<uint64_t> values) {
    std::string frame(1, static_cast<char>(type));
    for (const uint64_t value : values)
      put_varint(frame, value);
    return frame;
  };
  fails(fields(0, {}));                                   // no such type
  fails(fields(200, {}));                                 // nor this
  fails(fields(4, {0}));                                  // consumers count from 1
  fails(std::string("\4") + std::string(10, '\xff'));     // a number of more than 64 bits
  fails(fields(2, {3, 1, 1, 1, 1, 1, 1}));                // a settlement of no known kind
  fails(fields(2, {0, 1, 1, 1, 0}));                      // of nothing
  fails(fields(2, {0, 1, 1, 1, 1, 1, 0}));                // of an empty range
  fails(fields(2, {0, 1, 1, 1, 2, UINT64_MAX, 1, 1, 1})); // of a range beyond all numbers
  fails(fields(7, {1, 1, 2}));                            // flags that do not exist
  fails(fields(2, {0, 1, 1, 1, UINT32_MAX}));             // more ranges than there are bytes
  publish astray = some_publish();
  std::string frame;
  encode(astray, frame);
  frame[frame.size() - 1] = 100; // more slices than there are bytes
  fails(frame);
}

BOOST_AUTO_TEST_CASE(frames_inside_a_message_are_checked_before_anybody_walks_them) {
  const auto arrives = [](uint32_t at, char value) {
    const batch_ref batch = numbered(1, 1);
    const_cast<char*>(batch->messages[0].raw)[at] = value;
    std::string frame;
    encode(delivery{1, {batch, {0, 1}, 1}, false, 10}, frame);
    return decode(frame).ok();
  };
  const batch_ref unharmed = numbered(1, 1);
  const message& sound = unharmed->messages[0];
  BOOST_CHECK(arrives(1, 0));                      // the channel number is patched anyway
  BOOST_CHECK(!arrives(0, 3));                     // no content header
  BOOST_CHECK(!arrives(6, 100));                   // whose frame is longer than the message
  BOOST_CHECK(!arrives(sound.header_size - 1, 0)); // or has no end
  BOOST_CHECK(!arrives(14, 1));                    // announces another body
  BOOST_CHECK(!arrives(sound.header_size, 2));     // no body frame
  BOOST_CHECK(!arrives(sound.header_size + 6, 9)); // longer than the message
  BOOST_CHECK(!arrives(sound.raw_size - 1, 0));    // without an end
}

BOOST_AUTO_TEST_CASE(changed_bytes_never_do_more_than_fail) {
  std::string frame;
  for (const record& each : all_kinds())
    encode(each, frame);
  random_source random{7};
  size_t survived = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = frame;
    for (uint64_t changes = 1 + random.below(4); changes > 0; --changes)
      changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    if (const auto decoded = decode(changed)) {
      ++survived;
      std::string again;
      for (const record& each : *decoded)
        encode(each, again);
    }
  }
  BOOST_CHECK(survived > 0);
}

BOOST_AUTO_TEST_SUITE_END()
