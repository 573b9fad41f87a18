#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

#include "base/random.hpp"
#include "model/persistent_map.hpp"

namespace persistent_map {
namespace {

struct entry {
  std::string key;
  int value = 0;
};
struct by_key {
  static std::string_view key(const entry& what) { return what.key; }
};
/// Nearly everything collides, most of it to the last bit: exercises deep nodes and buckets.
struct by_key_badly_hashed {
  static std::string_view key(const entry& what) { return what.key; }
  static uint64_t hash(std::string_view key) { return key.size() % 3; }
};

template<class Map>
void check_equal(const Map& map, const std::map<std::string, int>& model) {
  BOOST_REQUIRE_EQUAL(map.size(), model.size());
  auto at = model.begin();
  for (const entry& one : map.sorted()) {
    BOOST_REQUIRE_EQUAL(one.key, at->first);
    BOOST_REQUIRE_EQUAL(one.value, at->second);
    const entry* found = map.find(one.key);
    BOOST_REQUIRE(found != nullptr);
    BOOST_REQUIRE_EQUAL(found->value, one.value);
    ++at;
  }
  BOOST_REQUIRE(map.find("never there") == nullptr);
}

/// Into however many parts it is divided, they have each entry once; and an entry stays in its part.
template<class Map>
void check_parts(const Map& map, const Map& fuller) {
  for (const size_t parts : {1u, 2u, 32u, 64u, 1024u}) {
    std::map<std::string, size_t> seen;
    for (size_t part = 0; part < parts; ++part)
      map.for_each_of(part, parts, [&](const entry& one) { BOOST_REQUIRE(seen.emplace(one.key, part).second); });
    BOOST_REQUIRE_EQUAL(seen.size(), map.size());
    for (size_t part = 0; part < parts; ++part)
      fuller.for_each_of(part, parts, [&](const entry& one) {
        if (const auto at = seen.find(one.key); at != seen.end())
          BOOST_REQUIRE_EQUAL(at->second, part);
      });
  }
}

/// Random changes beside a std::map; copies taken on the way must still say at the end what they said then.
template<class Traits>
void behaves_like_a_map(uint64_t seed, int steps, uint64_t keys) {
  broker::random_source random{seed};
  broker::persistent_map<entry, Traits> map;
  std::map<std::string, int> model;
  std::vector<std::pair<broker::persistent_map<entry, Traits>, std::map<std::string, int>>> kept;
  for (int step = 0; step < steps; ++step) {
    const std::string key = "key" + std::string(random.below(4), 'x') + std::to_string(random.below(keys));
    const int value = static_cast<int>(random.below(1000));
    switch (random.below(4)) {
    case 0:
    case 1:
      BOOST_REQUIRE_EQUAL(map.put({key, value}), model.insert_or_assign(key, value).second);
      break;
    case 2:
      BOOST_REQUIRE_EQUAL(map.erase(key), model.erase(key) == 1);
      break;
    default:
      entry* found = map.find_mutable(key);
      BOOST_REQUIRE_EQUAL(found != nullptr, model.count(key) == 1);
      if (found)
        found->value = model[key] = value;
    }
    if (random.chance(1, 50))
      kept.emplace_back(map, model);
  }
  check_equal(map, model);
  for (const auto& [copy, copy_model] : kept)
    check_equal(copy, copy_model);
}

} // namespace
} // namespace persistent_map

BOOST_AUTO_TEST_SUITE(persistent_map)

BOOST_AUTO_TEST_CASE(behaves_like_a_map_and_copies_never_change) {
  for (uint64_t seed = 1; seed <= 10; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  behaves_like_a_map<by_key>(seed, 2000, 300);
}

BOOST_AUTO_TEST_CASE(keys_with_equal_hashes_are_kept_apart) {
  for (uint64_t seed = 1; seed <= 10; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  behaves_like_a_map<by_key_badly_hashed>(seed, 500, 12);
}

BOOST_AUTO_TEST_CASE(parts_have_each_entry_once_and_an_entry_stays_in_its_part) {
  broker::persistent_map<entry, by_key> map;
  check_parts(map, map);
  for (const int count : {1, 40, 3000}) {
    while (map.size() < static_cast<size_t>(count))
      map.put({"key" + std::to_string(map.size()), 0});
    auto fuller = map;
    for (int i = 0; i < 3000; ++i)
      fuller.put({"another" + std::to_string(i), 0});
    check_parts(map, fuller);
  }
  broker::persistent_map<entry, by_key_badly_hashed> collides;
  for (const char* key : {"a", "b", "ab", "cd", "abc", "bcd", "abcd"})
    collides.put({key, 0});
  check_parts(collides, collides);
}

BOOST_AUTO_TEST_CASE(erasing_by_the_key_inside_the_entry_is_safe) {
  broker::persistent_map<entry, by_key> map;
  map.put({"a key too long for the small string buffer", 1});
  BOOST_TEST(map.erase(map.find("a key too long for the small string buffer")->key));
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_SUITE_END()
