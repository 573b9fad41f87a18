#include <boost/test/unit_test.hpp>

#include "backlog_store.hpp"
#include "base/crc32c.hpp"
#include "journal_record.hpp"
#include "range_set.hpp"
#include "store_fixture.hpp"

using namespace broker;

BOOST_AUTO_TEST_SUITE(records)

BOOST_AUTO_TEST_CASE(a_record_head_survives_the_way_to_disk) {
  char bytes[record_head_bytes];
  store_record_head(bytes, {1, 2, 7, record_kind::page_out, 3, 4, 5, 6, 8, 9, 10, {1'700'000'000'123, 11}});
  const auto head = load_record_head({bytes, sizeof bytes}, 0xabcd00000007u);
  BOOST_REQUIRE(head);
  BOOST_TEST(head->crc == 1u);
  BOOST_TEST(head->length == 2u);
  BOOST_TEST((head->kind == record_kind::page_out));
  BOOST_TEST(head->count == 3u);
  BOOST_TEST(head->queue == 4u);
  BOOST_TEST(head->first == 5u);
  BOOST_TEST(head->number == 6u);
  BOOST_TEST(head->synced == 8u);
  BOOST_TEST(head->body_bytes == 9u);
  BOOST_TEST(head->previous == 10u);
  BOOST_TEST((head->facts == message_facts{1'700'000'000'123, 11}));
  BOOST_TEST(!load_record_head({bytes, sizeof bytes}, 8)); // another use of the segment
}

BOOST_AUTO_TEST_CASE(deadline_and_priority_share_eight_bytes_and_nothing_special_is_zero) {
  for (const message_facts facts :
       {message_facts{0, 0}, message_facts{0, 255}, message_facts{1, 0},
        message_facts{message_facts::deadline_max_ms, 0}, message_facts{message_facts::deadline_max_ms, 255}})
    BOOST_TEST((unpacked_facts(packed(facts)) == facts));
  BOOST_TEST(packed({}) == 0u);
}

BOOST_AUTO_TEST_CASE(a_backlog_value_keeps_the_facts_of_its_message) {
  const auto batch = test::make_batch(1, 1, 1, 50);
  const message_facts facts{1'700'000'000'123, 7};
  const auto value = encode_backlog_value(1, 2, batch->messages[0], true, facts);
  const auto decoded = decode_backlog_value(1, 2, value);
  BOOST_REQUIRE(decoded.ok());
  BOOST_TEST(decoded->transient);
  BOOST_TEST((decoded->facts == facts));
  BOOST_TEST(test::body(decoded->content) == test::body_of(1, 1, 50));
}

BOOST_AUTO_TEST_CASE(one_broken_head_of_two_is_enough_and_two_are_damage) {
  std::string bytes(segment_head_bytes, '\0');
  BOOST_TEST((load_segment_head(bytes).state == head_state::unused));
  store_segment_head(bytes.data(), {5, 6, 7, 8});
  bytes[10] ^= 1;
  const auto loaded = load_segment_head(bytes);
  BOOST_TEST((loaded.state == head_state::valid));
  BOOST_TEST(loaded.head.sequence == 5u);
  BOOST_TEST(loaded.head.salt == 6u);
  BOOST_TEST(loaded.head.first_number == 7u);
  BOOST_TEST(loaded.head.previous == 8u);
  bytes[2048 + 20] ^= 1;
  BOOST_TEST((load_segment_head(bytes).state == head_state::damaged));
}

BOOST_AUTO_TEST_CASE(facts_survive_the_way_to_disk) {
  byte_buffer bytes;
  put_facts(bytes, {1, false, 9, {{1, 2}, {5, 8}}});
  put_facts(bytes, {2, true, 0, {}});
  std::vector<queue_facts> found;
  BOOST_TEST(parse_facts(bytes.view(), [&](queue_facts& facts) { found.push_back(facts); }));
  BOOST_REQUIRE(found.size() == 2u);
  BOOST_TEST(found[0].delivered == 9u);
  BOOST_TEST((found[0].settled == std::vector<seq_range>{{1, 2}, {5, 8}}));
  BOOST_TEST(found[1].dropped);
  for (size_t cut = 1; cut < bytes.size(); ++cut)
    if (cut != 24 + 32)
      BOOST_TEST(!parse_facts(bytes.view().substr(0, cut), [](queue_facts&) {}));
}

BOOST_AUTO_TEST_CASE(messages_are_parsed_only_if_their_sizes_fit) {
  const auto batch = test::make_batch(1, 1, 1, 50);
  const message& content = batch->messages[0];
  std::string payload(message_head_bytes, '\0');
  store_message_head(payload.data(),
                     {content.names_size, content.flags, content.raw_size, content.body_size, content.header_size});
  payload.append(content.names, content.names_size).append(content.raw, content.raw_size);
  std::vector<message> parsed;
  BOOST_TEST(parse_messages(payload, 1, parsed));
  BOOST_TEST(test::body(parsed.at(0)) == test::body_of(1, 1, 50));
  for (size_t cut = 0; cut < payload.size(); ++cut)
    BOOST_TEST(!parse_messages(std::string_view(payload).substr(0, cut), 1, parsed));
  BOOST_TEST(!parse_messages(payload, 0, parsed));
  BOOST_TEST(!parse_messages(payload, 2, parsed));
  std::string wrong = payload;
  store_message_head(wrong.data(), {message_head::same_names, 0, content.raw_size, 1, 30}); // no names before it
  BOOST_TEST(!parse_messages(wrong, 1, parsed));
}

BOOST_AUTO_TEST_CASE(a_range_set_agrees_with_a_plain_set) {
  random_source random{4};
  for (int round = 0; round < 200; ++round) {
    range_set ranges;
    std::set<uint64_t> plain;
    for (int i = 0; i < 60; ++i) {
      const uint64_t first = random.below(100);
      const seq_range range{first, first + random.below(15)};
      if (random.chance(1, 3)) {
        ranges.remove(range);
        for (uint64_t seq = range.first; seq < range.last; ++seq)
          plain.erase(seq);
        continue;
      }
      std::set<uint64_t> fresh;
      ranges.add(range, [&](seq_range part) {
        for (uint64_t seq = part.first; seq < part.last; ++seq)
          fresh.insert(seq);
      });
      for (uint64_t seq = range.first; seq < range.last; ++seq)
        BOOST_REQUIRE_EQUAL(plain.insert(seq).second, fresh.contains(seq));
    }
    std::set<uint64_t> content;
    ranges.inside({0, 200}, [&](seq_range part) {
      for (uint64_t seq = part.first; seq < part.last; ++seq)
        content.insert(seq);
    });
    BOOST_REQUIRE(content == plain);
    for (uint64_t seq = 0; seq < 130; ++seq)
      BOOST_REQUIRE_EQUAL(ranges.contains(seq), plain.contains(seq));
  }
}

BOOST_AUTO_TEST_SUITE_END()
