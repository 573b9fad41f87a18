// Messages between replicas as bytes.
#include <boost/test/unit_test.hpp>

#include <cstring>

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "replication/wire.hpp"

using namespace broker;
using namespace broker::replication;

namespace wire {
namespace {

batch_ref batch_with(uint32_t raw_size) {
  auto batch = make_ref<publish_batch>();
  auto bytes = block_ref{block::create(raw_size + 16)};
  std::memset(bytes->data(), 'x', raw_size + 16);
  std::memcpy(bytes->data(), "\1e\1k", 4);
  message one{};
  one.names = bytes->data();
  one.names_size = 4;
  one.raw = bytes->data() + 4;
  one.raw_size = one.body_size = raw_size;
  batch->messages = {one};
  batch->blocks.push_back(std::move(bytes));
  batch->first_confirm = 1;
  return batch;
}

envelope append_of(uint32_t raw_size) {
  log_run run;
  run.mastership = 3;
  run.first = 8;
  run.count = 1;
  run.from = {{1, 2, 3}, 4, 2};
  run.facts = {1'700'000'000'000, 9};
  run.batch = batch_with(raw_size);
  run.where = {0, 1};
  run.bytes = cost(run);
  run.chain = chain_after(77, run);
  log_run settled;
  settled.mastership = 3;
  settled.first = 9;
  settled.count = 1;
  settled.kind = entry_kind::settle;
  settled.ranges = std::make_shared<const std::vector<seq_range>>(std::vector<seq_range>{{1, 3}, {5, 6}});
  settled.chain = chain_after(run.chain, settled);
  return {7, 3, 5, append{{2, 7}, 77, {run, settled}, 6, 4, true}};
}

std::string flat(const wire_message& what) {
  std::string bytes = what.head;
  for (std::string_view one : what.bodies)
    bytes += one;
  return bytes;
}

result<envelope> decoded(const std::string& bytes) {
  auto home = block_ref{block::create(bytes.size() + 1)};
  std::memcpy(home->data(), bytes.data(), bytes.size());
  return decode({home->data(), bytes.size()}, home);
}

} // namespace
} // namespace wire

BOOST_AUTO_TEST_SUITE(wire)

BOOST_AUTO_TEST_CASE(an_append_arrives_as_it_was_sent) {
  const envelope sent = append_of(100);
  const auto got = decoded(flat(encode(sent)));
  BOOST_TEST_REQUIRE(got.ok());
  std::string a, b;
  describe(sent, a);
  describe(*got, b);
  BOOST_TEST((a == b));
  const auto& run = std::get<append>(got->what).runs.at(0);
  BOOST_TEST(chain_after(77, run) == run.chain); // bodies and facts included
  BOOST_TEST((run.facts == message_facts{1'700'000'000'000, 9}));
  BOOST_TEST((*std::get<append>(got->what).runs.at(1).ranges == std::vector<seq_range>{{1, 3}, {5, 6}}));
}

BOOST_AUTO_TEST_CASE(every_other_message_arrives_as_it_was_sent) {
  const dedupe_entry known{{1, 2, 3}, 9, 8};
  const std::vector<content> all = {append_ok{5},
                                    append_reject{append_reject::reason::copy_refused, 4},
                                    copy_begin{{{2, 9}, 11, dedupe_table{{known}}, 3}},
                                    copy_chunk{1, 9, {{{batch_with(10), {0, 1}, 4}, {77, 3}}}},
                                    copy_ok{9},
                                    start_over{6}};
  for (const content& what : all) {
    const envelope sent{7, 3, 5, what};
    const auto got = decoded(flat(encode(sent)));
    BOOST_TEST_REQUIRE(got.ok());
    std::string a, b;
    describe(sent, a);
    describe(*got, b);
    BOOST_TEST((a == b));
  }
}

BOOST_AUTO_TEST_CASE(bodies_are_not_copied_by_the_sender) {
  const envelope sent = append_of(100);
  const wire_message encoded = encode(sent);
  const auto& one = std::get<append>(sent.what).runs[0].batch->messages[0];
  BOOST_TEST((encoded.bodies.at(0).data() == one.names));
  BOOST_TEST((encoded.bodies.at(1).data() == one.raw));
}

BOOST_AUTO_TEST_CASE(a_message_above_a_mebibyte_travels_in_parts_of_at_most_one) {
  const envelope sent = append_of(3 * 1024 * 1024);
  const wire_message encoded = encode(sent);
  const auto parts = split(7, encoded);
  BOOST_TEST(parts.size() == 4u);
  part_assembler assembler;
  for (size_t at = 0; at < parts.size(); ++at) {
    std::string bytes = parts[at].head;
    for (std::string_view one : parts[at].slices)
      bytes += one;
    BOOST_TEST(bytes.size() == parts[at].size);
    BOOST_TEST(bytes.size() <= limits::peer_message_bytes);
    BOOST_TEST(*part_assembler::queue_of(bytes) == 7u);
    const auto whole = assembler.take(bytes);
    BOOST_TEST_REQUIRE(whole.ok());
    BOOST_TEST((at + 1 == parts.size()) == static_cast<bool>(whole->home));
    if (whole->home)
      BOOST_TEST((whole->bytes == flat(encoded)));
  }
}

BOOST_AUTO_TEST_CASE(a_message_of_which_a_part_was_lost_is_dropped_whole) {
  const envelope sent = append_of(3 * 1024 * 1024);
  const wire_message encoded = encode(sent);
  const auto parts = split(7, encoded);
  part_assembler assembler;
  for (size_t at : {0, 2, 3}) {
    std::string bytes = parts[at].head;
    for (std::string_view one : parts[at].slices)
      bytes += one;
    const auto whole = assembler.take(bytes);
    BOOST_TEST_REQUIRE(whole.ok());
    BOOST_TEST(!whole->home);
  }
}

BOOST_AUTO_TEST_CASE(deadlines_and_priorities_that_no_message_can_have_are_refused) {
  envelope sent = append_of(20);
  std::get<append>(sent.what).runs[0].facts.deadline_ms = message_facts::deadline_max_ms;
  BOOST_TEST(decoded(flat(encode(sent))).ok());
  std::get<append>(sent.what).runs[0].facts.deadline_ms = message_facts::deadline_max_ms + 1;
  BOOST_TEST(!decoded(flat(encode(sent))).ok());
  sent = append_of(20);
  std::get<append>(sent.what).runs[1].facts.priority = 1; // of a settle
  BOOST_TEST(!decoded(flat(encode(sent))).ok());
  sent.what = copy_chunk{1, 9, {{{batch_with(10), {0, 1}, 4}, {message_facts::deadline_max_ms + 1, 0}}}};
  BOOST_TEST(!decoded(flat(encode(sent))).ok());
}

// Each byte wrong, each length short: an error or a message that a state machine can take, never more.
BOOST_AUTO_TEST_CASE(what_is_not_a_message_is_refused) {
  const std::string good = flat(encode(append_of(20)));
  for (size_t size = 0; size < good.size(); ++size)
    BOOST_TEST(!decoded(good.substr(0, size)).ok());
  BOOST_TEST(!decoded(good + "x").ok());
  for (size_t at = 0; at < good.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const auto got = decoded(bad);
      if (!got.ok() || !std::holds_alternative<append>(got->what))
        continue;
      const auto& what = std::get<append>(got->what);
      seqno next = what.prev.seq + 1;
      for (const log_run& run : what.runs) {
        BOOST_TEST(run.first == next);
        next = run.last() + 1;
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()
