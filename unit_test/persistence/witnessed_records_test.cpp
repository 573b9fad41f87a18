// Where the simulator damages a journal (apps/sim/witnessed_records.hpp): every such place must stop the start (G7),
// and none is missed but those that have no witness.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "journal_record.hpp"
#include "run.hpp"
#include "store_fixture.hpp"
#include "witnessed_records.hpp"

using namespace broker;
using sim::crash_style;
using sim::witnessed_record;
using sim::witnessed_records;
using test::store_fixture;

BOOST_AUTO_TEST_SUITE(witnessed)

namespace {

/// Segments that came and went, and then one commit that nothing came after.
void fill(store_fixture& world) {
  BOOST_REQUIRE(world.open());
  for (seqno seq = 1; seq <= 120; ++seq) {
    world.append(1, 1, 1000, true);
    world.settle_down();
    if (seq > 20)
      world.settle(1, {seq - 20, seq - 19});
  }
  world.append(1, 5, 1000, true);
  world.store().step_writer(false);
  world.crash(crash_style::lose_all);
}

void must_refuse(store_fixture& world, const witnessed_record& record) {
  const uint64_t offset = record.offset + world.random.below(record.bytes);
  const int bit = static_cast<int>(offset % 8);
  world.disk.flip_bit(record.path, offset, bit);
  BOOST_REQUIRE_MESSAGE(!world.open(), "started without " << record.path << " at " << offset);
  BOOST_REQUIRE_MESSAGE(world.refusal.find(record.path) != std::string::npos, world.refusal);
  world.disk.flip_bit(record.path, offset, bit);
}

} // namespace

BOOST_AUTO_TEST_CASE(the_last_commit_has_no_witness_whatever_the_name_of_its_file) {
  store_fixture world(1);
  fill(world);
  std::string newest;
  std::string last_name;
  uint32_t sequence = 0;
  const auto names = world.disk.list("journal");
  for (const auto& name : *names) {
    const auto loaded = load_segment_head(*world.disk.content("journal/" + name));
    if (loaded.state != head_state::valid)
      continue;
    last_name = "journal/" + name;
    if (loaded.head.sequence > sequence) {
      sequence = loaded.head.sequence;
      newest = last_name;
    }
  }
  BOOST_REQUIRE(newest != last_name); // a file that was used again
  const auto records = witnessed_records(world.disk, "journal");
  uint64_t end = 0;
  for (const auto& each : records)
    if (each.path == newest)
      end = std::max(end, each.offset + each.bytes);
  BOOST_REQUIRE(end != 0);
  for (const auto& each : records)
    must_refuse(world, each);
  const uint64_t behind = (end + 7) / 8 * 8;
  const std::string bytes = *world.disk.content(newest);
  BOOST_REQUIRE(load_record_head(std::string_view(bytes).substr(behind), load_segment_head(bytes).head.salt));
  world.disk.flip_bit(newest, behind + record_head_bytes);
  BOOST_TEST(world.open()); // it may be a torn tail
}

BOOST_AUTO_TEST_CASE(damage_to_any_record_that_a_later_one_calls_synced_stops_the_start) {
  constexpr crash_style styles[] = {crash_style::lose_all, crash_style::prefix, crash_style::torn,
                                    crash_style::reordered, crash_style::keep_all};
  size_t tried = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    store_fixture world(seed);
    for (int life = 0; life < 4; ++life) {
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      world.check_recovered();
      for (int i = 0; i < 300; ++i)
        world.random_operation();
      world.crash(styles[world.random.below(std::size(styles))]);
      const auto records = witnessed_records(world.disk, "journal");
      for (int i = 0; i < 10 && !records.empty(); ++i, ++tried)
        must_refuse(world, records[world.random.below(records.size())]);
    }
  }
  BOOST_TEST(tried > 1000u);
}

// The bit flipped in the last commit, in a file with an earlier name than others: what was confirmed was gone.
BOOST_AUTO_TEST_CASE(seed_50322_holds) {
  sim::run_options options;
  options.seed = 50322;
  options.minutes = 0.169;
  options.only_clients = std::set<uint32_t>{3, 4, 5, 6, 7, 8};
  BOOST_TEST(sim::simulate(options).violations.empty());
}

BOOST_AUTO_TEST_SUITE_END()
