// Promise G7: damage is told apart from a torn tail, reported with file and offset, and never repaired by deletion.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "journal_record.hpp"
#include "store_fixture.hpp"

using namespace broker;
using sim::crash_style;
using test::store_fixture;

BOOST_AUTO_TEST_SUITE(damage)

namespace {

/// 40 messages in several segments, all synced, and a later record that says so.
void fill(store_fixture& world) {
  BOOST_REQUIRE(world.open());
  for (int i = 0; i < 40; ++i) {
    world.append(1, 1, 1000, true);
    world.settle_down();
  }
  world.store().close();
  world.crash(crash_style::lose_all);
}

std::vector<std::string> files(store_fixture& world) {
  std::vector<std::string> found;
  const auto names = world.disk.list("journal");
  for (const auto& name : *names)
    found.push_back("journal/" + name);
  return found;
}

bool used(const std::string& bytes) {
  return load_segment_head(bytes).state == head_state::valid;
}

/// End of the last intact record.
size_t end_of(const std::string& bytes) {
  const auto loaded = load_segment_head(bytes);
  size_t at = segment_head_bytes;
  while (const auto head = load_record_head(std::string_view(bytes).substr(at), loaded.head.salt))
    at += head->size();
  return at;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_a_synced_record_refuses_to_start_naming_file_and_offset) {
  store_fixture probe(1);
  fill(probe);
  int refused = 0;
  for (const auto& path : files(probe)) {
    const std::string bytes = *probe.disk.content(path);
    if (!used(bytes))
      continue;
    const size_t end = end_of(bytes) - record_head_bytes; // the last record of the newest segment is the final mark
    for (size_t offset = segment_head_bytes; offset < end; offset += 97) {
      store_fixture world(1);
      fill(world);
      world.disk.flip_bit(path, offset, static_cast<int>(offset % 8));
      std::map<std::string, std::string> before;
      for (const auto& each : files(world))
        before[each] = *world.disk.content(each);
      if (world.open()) {
        world.check_recovered(); // the bit was in the padding behind a record
        continue;
      }
      ++refused;
      BOOST_REQUIRE_MESSAGE(world.refusal.find(path) != std::string::npos, world.refusal);
      BOOST_REQUIRE_MESSAGE(world.refusal.find("offset") != std::string::npos, world.refusal);
      for (const auto& [name, content] : before)
        BOOST_REQUIRE(*world.disk.content(name) == content);
    }
  }
  BOOST_TEST(refused > 300);
}

BOOST_AUTO_TEST_CASE(no_flipped_bit_makes_a_confirmed_message_vanish_in_silence) {
  store_fixture probe(2);
  fill(probe);
  int refused = 0;
  int served = 0;
  for (const auto& path : files(probe)) {
    const std::string bytes = *probe.disk.content(path);
    for (int i = 0; i < 60; ++i) {
      store_fixture world(2);
      fill(world);
      world.disk.flip_bit(path, probe.random.below(bytes.size()), i % 8);
      if (!world.open()) {
        ++refused;
        continue;
      }
      ++served;
      world.check_recovered(); // nothing is missing
    }
  }
  BOOST_TEST(refused > 0);
  BOOST_TEST(served > 0); // spare segments, padding, one of two heads
}

BOOST_AUTO_TEST_CASE(two_exchanged_records_are_noticed_although_each_is_intact) {
  store_fixture world(1);
  fill(world);
  const std::string path = files(world).front();
  std::string bytes = *world.disk.content(path);
  const auto salt = load_segment_head(bytes).head.salt;
  const auto record = [&](size_t at) { return load_record_head(std::string_view(bytes).substr(at), salt); };
  // Messages of the same size: the first two behind the manifest whose records are equally long.
  size_t first = segment_head_bytes + record(segment_head_bytes)->size();
  size_t second = first + record(first)->size();
  while (record(second)->size() != record(first)->size())
    second += record(second)->size();
  const size_t size = record(first)->size();
  std::swap_ranges(bytes.begin() + static_cast<ptrdiff_t>(first), bytes.begin() + static_cast<ptrdiff_t>(first + size),
                   bytes.begin() + static_cast<ptrdiff_t>(second));
  world.disk.set_content(path, bytes);
  BOOST_REQUIRE(!world.open());
  BOOST_TEST(world.refusal.find("offset " + std::to_string(first)) != std::string::npos, world.refusal);
}

BOOST_AUTO_TEST_CASE(a_missing_segment_is_noticed) {
  store_fixture probe(1);
  fill(probe);
  int tried = 0;
  for (const auto& path : files(probe)) {
    if (!used(*probe.disk.content(path)))
      continue;
    store_fixture world(1);
    fill(world);
    BOOST_REQUIRE(world.disk.remove(path));
    const bool newest = load_segment_head(*probe.disk.content(path)).head.sequence == 4;
    if (world.open())
      BOOST_TEST(newest); // nothing tells of the newest one: guarantees.md G10
    else
      BOOST_TEST(world.refusal.find("missing") != std::string::npos, world.refusal);
    ++tried;
  }
  BOOST_TEST(tried >= 3);
}

// The manifest in front of the damage still lists what was retired behind it.
BOOST_AUTO_TEST_CASE(damage_in_front_of_the_word_of_a_retirement_is_named_and_not_the_retired_segment) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  for (seqno seq = 1; seq <= 120; ++seq) {
    world.append(1, 1, 1000, true);
    world.settle_down();
    world.settle(1, {seq, seq + 1});
  }
  world.store().close();
  world.crash(crash_style::lose_all);
  int tried = 0;
  for (const auto& path : files(world)) {
    const std::string bytes = *world.disk.content(path);
    if (!used(bytes))
      continue;
    const auto salt = load_segment_head(bytes).head.salt;
    const auto manifest = load_record_head(std::string_view(bytes).substr(segment_head_bytes), salt);
    const size_t second = segment_head_bytes + manifest->size();
    world.disk.flip_bit(path, second + record_head_bytes);
    BOOST_REQUIRE(!world.open());
    BOOST_TEST(world.refusal.find(path + " is damaged at offset " + std::to_string(second)) == 0u, world.refusal);
    world.disk.flip_bit(path, second + record_head_bytes);
    ++tried;
  }
  BOOST_TEST(tried > 0);
}

BOOST_AUTO_TEST_CASE(garbage_behind_the_newest_record_is_a_torn_tail_and_cut) {
  store_fixture world(3);
  BOOST_REQUIRE(world.open());
  world.append(1, 10, 100, true);
  world.settle_down();
  world.crash(crash_style::lose_all);
  const std::string path = files(world).front();
  std::string bytes = *world.disk.content(path);
  for (size_t at = end_of(bytes); at < bytes.size(); ++at)
    bytes[at] = static_cast<char>(world.random.next());
  world.disk.set_content(path, bytes);
  BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
  world.check_recovered();
  world.append(1, 10, 100, true);
  world.settle_down();
  world.crash(crash_style::lose_all);
  BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
  world.check_recovered();
}

BOOST_AUTO_TEST_CASE(damage_met_while_reading_is_reported_and_the_rest_is_served) {
  store_fixture world(4);
  BOOST_REQUIRE(world.open());
  for (int i = 0; i < 40; ++i) {
    world.append(1, 1, 1000, true);
    world.settle_down();
  }
  const std::string path = files(world).front();
  world.disk.flip_bit(path, segment_head_bytes + 2000, 3);
  const auto found = world.read_all(1);
  BOOST_REQUIRE(world.damages.size() >= 1u);
  BOOST_TEST(world.damages.front().queue == 1u);
  BOOST_TEST(world.damages.front().text.find(path) != std::string::npos);
  BOOST_TEST(world.damages.front().text.find("offset") != std::string::npos);
  BOOST_TEST(found.size() >= 20u);
  BOOST_TEST(found.size() < 40u);
  // Its file is kept even when everything in it is settled.
  world.settle(1, {1, 41});
  world.settle_down();
  BOOST_TEST(used(*world.disk.content(path)));
}

BOOST_AUTO_TEST_CASE(a_read_error_is_reported_not_served) {
  store_fixture world(5);
  BOOST_REQUIRE(world.open());
  world.append(1, 5, 1000, true);
  world.settle_down();
  world.disk.faults().read_error_at = world.disk.reads() + 1;
  BOOST_TEST(world.read_all(1).empty());
  BOOST_TEST(world.damages.size() == 1u);
}

BOOST_AUTO_TEST_CASE(damage_in_the_backlog_refuses_to_start) {
  store_fixture world(6);
  BOOST_REQUIRE(world.open());
  const auto batch = test::make_batch(9, 1, 1, 100);
  std::string value = encode_backlog_value(9, 1, batch->messages[0], false, {});
  BOOST_TEST(decode_backlog_value(9, 1, value).ok());
  BOOST_TEST(!decode_backlog_value(9, 2, value).ok()); // a value under another key is damage as well
  value[50] = static_cast<char>(value[50] ^ 4);
  const backlog_store::entry entry{9, 1, value};
  BOOST_REQUIRE(world.backlog.put({&entry, 1}, true));
  world.crash(crash_style::lose_all);
  BOOST_TEST(!world.open());
  BOOST_TEST(world.refusal.find("backlog entry 1 of queue 9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_misdirected_write_is_noticed) {
  int refused = 0;
  for (uint64_t write = 1; write <= 40; ++write) {
    store_fixture world(7);
    BOOST_REQUIRE(world.open());
    world.disk.faults().misdirected_write_at = write;
    for (int i = 0; i < 30; ++i) {
      world.append(1, 1, 1000, true);
      world.settle_down();
    }
    world.store().close();
    world.crash(crash_style::lose_all);
    if (world.open())
      world.check_recovered();
    else
      ++refused;
  }
  BOOST_TEST(refused > 20);
}

BOOST_AUTO_TEST_SUITE_END()
