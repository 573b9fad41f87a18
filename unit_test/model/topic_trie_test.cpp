#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "model/topic_trie.hpp"

namespace topic_routing {
namespace {

using broker::destination;
using broker::topic_trie;

destination queue(uint64_t id) {
  auto record = std::make_shared<broker::queue_record>();
  record->id = id;
  record->name = "q" + std::to_string(id);
  return {record, nullptr};
}

std::set<uint64_t> match(const topic_trie& trie, std::string_view key) {
  std::vector<std::shared_ptr<const broker::queue_record>> queues;
  broker::found_destinations found{queues, {}};
  trie.match(key, found);
  std::set<uint64_t> ids;
  for (const auto& one : queues)
    ids.insert(one->id);
  return ids;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  bool done = text.empty();
  while (!done)
    out.emplace_back(broker::next_topic_word(text, done));
  return out;
}

/// The definition, word by word (W44).
bool naive(const std::vector<std::string>& pattern, size_t p, const std::vector<std::string>& key, size_t k) {
  if (p == pattern.size())
    return k == key.size();
  if (pattern[p] == "#") {
    for (size_t skip = k; skip <= key.size(); ++skip)
      if (naive(pattern, p + 1, key, skip))
        return true;
    return false;
  }
  return k < key.size() && (pattern[p] == "*" || pattern[p] == key[k]) && naive(pattern, p + 1, key, k + 1);
}

bool naive(std::string_view pattern, std::string_view key) {
  return naive(words(pattern), 0, words(key), 0);
}

std::string random_words(broker::random_source& random, const std::vector<std::string>& from, uint64_t most) {
  std::string text;
  const uint64_t count = random.below(most + 1);
  for (uint64_t i = 0; i < count; ++i)
    text += (i ? "." : "") + from[random.below(from.size())];
  return text;
}

} // namespace
} // namespace topic_routing

BOOST_AUTO_TEST_SUITE(topic_routing)

BOOST_AUTO_TEST_CASE(star_is_one_word_and_hash_is_any_number) {
  const std::vector<std::tuple<std::string, std::string, bool>> cases = {{"#", "", true},
                                                                         {"", "", true},
                                                                         {"", "a", false},
                                                                         {"*", "", false},
                                                                         {"*", "a", true},
                                                                         {"*", "a.b", false},
                                                                         {"a.*.c", "a.b.c", true},
                                                                         {"a.*.c", "a.c", false},
                                                                         {"a.#.c", "a.c", true},
                                                                         {"a.#.c", "a.b.b.c", true},
                                                                         {"#.#", "", true},
                                                                         {"#.*", "a", true},
                                                                         {"#.*", "", false},
                                                                         {"a.#", "a", true},
                                                                         {"a.#", "ab", false},
                                                                         {"#.b", "a.b.b", true},
                                                                         {"a..b", "a..b", true},
                                                                         {"a.*.b", "a..b", true},
                                                                         {".", ".", true},
                                                                         {"*.*", ".", true},
                                                                         {"a.", "a.", true},
                                                                         {"a.*", "a.", true},
                                                                         {"a", "a.", false},
                                                                         {"#.a.#.a.#", "a.b", false},
                                                                         {"#.a.#.a.#", "b.a.a", true}};
  for (const auto& [pattern, key, matches] : cases)
    BOOST_TEST_CONTEXT(pattern << " against " << key) {
      topic_trie trie;
      trie.add(pattern, queue(1));
      BOOST_TEST(match(trie, key).size() == (matches ? 1u : 0u));
      BOOST_TEST(naive(pattern, key) == matches);
    }
}

BOOST_AUTO_TEST_CASE(agrees_with_the_definition_after_any_adds_and_removes) {
  const std::vector<std::string> pattern_words = {"a", "b", "c", "*", "#", "#", ""};
  const std::vector<std::string> key_words = {"a", "b", "c", "d", ""};
  for (uint64_t seed = 1; seed <= 60; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      broker::random_source random{seed};
      topic_trie trie;
      std::multimap<std::string, uint64_t> bound;
      std::vector<std::pair<topic_trie, std::multimap<std::string, uint64_t>>> kept;
      for (int step = 0; step < 120; ++step) {
        if (bound.empty() || random.chance(2, 3)) {
          const std::string pattern = random_words(random, pattern_words, 6);
          const uint64_t id = random.below(20);
          trie.add(pattern, queue(id));
          bound.emplace(pattern, id);
        } else {
          const auto victim = std::next(bound.begin(), static_cast<long>(random.below(bound.size())));
          trie.remove(victim->first, queue(victim->second));
          bound.erase(victim);
        }
        if (random.chance(1, 30))
          kept.emplace_back(trie, bound);
      }
      kept.emplace_back(trie, bound);
      for (const auto& [copy, patterns] : kept)
        for (int i = 0; i < 30; ++i) {
          const std::string key = random_words(random, key_words, 7);
          std::set<uint64_t> expected;
          for (const auto& [pattern, id] : patterns)
            if (naive(pattern, key))
              expected.insert(id);
          BOOST_REQUIRE(match(copy, key) == expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(removing_everything_leaves_nothing) {
  topic_trie trie;
  const std::vector<std::string> patterns = {"a.b.c", "a.*.c", "#", "#.#", "a.#.b", "", "..."};
  for (const std::string& pattern : patterns)
    trie.add(pattern, queue(1));
  for (const std::string& pattern : patterns)
    trie.remove(pattern, queue(1));
  BOOST_TEST(trie.empty());
}

/// What matching costs in places visited, which no machine's speed changes.
BOOST_AUTO_TEST_CASE(the_cost_of_a_key_does_not_grow_with_the_bindings) {
  const auto trie_of = [](int bindings) {
    topic_trie trie;
    for (int i = 0; i < bindings; ++i) {
      const std::string n = std::to_string(i);
      trie.add("site" + n + ".*.alarm.#", queue(1));
      trie.add("*.device" + n + ".#", queue(2));
      trie.add("site" + n + ".device" + n + ".alarm.*", queue(3));
    }
    return trie;
  };
  const auto cost = [](const topic_trie& trie, std::string_view key) {
    std::vector<std::shared_ptr<const broker::queue_record>> queues;
    broker::found_destinations found{queues, {}};
    return trie.match(key, found);
  };
  const topic_trie few = trie_of(300);
  const topic_trie many = trie_of(33'000);
  for (const char* key : {"site7.device7.alarm.high", "site7.device8.alarm", "nobody.cares", "site7", ""}) {
    BOOST_TEST(cost(few, key) == cost(many, key), key);
    BOOST_TEST(cost(many, key) <= 12u, key);
  }
  BOOST_TEST((match(many, "site7.device7.alarm.high") == std::set<uint64_t>{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(many_hashes_in_a_pattern_do_not_explode) {
  topic_trie trie;
  std::string pattern = "#";
  std::string key = "a";
  for (int i = 0; i < 62; ++i)
    pattern += ".a.#";
  for (int i = 0; i < 126; ++i)
    key += ".a";
  trie.add(pattern + ".z", queue(1)); // never matches, so a backtracking matcher would try every split
  trie.add(pattern, queue(2));
  BOOST_TEST((match(trie, key) == std::set<uint64_t>{2}));
}

BOOST_AUTO_TEST_SUITE_END()
