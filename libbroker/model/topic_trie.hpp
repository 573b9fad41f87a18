// Routing of topic exchanges (AMQP 0-9-1 section 3.1.3.3; features.md W44): keys and patterns are words separated by
// '.',
// '*' stands for exactly one word, '#' for none or more, anywhere in the pattern. An empty key has no words.
//
// A trie over the words of the patterns, persistent like persistent_map.hpp. Matching costs words of the key times
// places of the trie it can be in at once, never the number of bindings; several '#' in a pattern cannot make it
// explode, because each place is visited once per word.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/ref_counted.hpp"
#include "model/destination_set.hpp"

namespace broker {

class topic_trie {
public:
  topic_trie();
  topic_trie(const topic_trie&);
  topic_trie& operator=(const topic_trie&);
  ~topic_trie();

  void add(std::string_view pattern, const destination& to);
  /// Takes back an `add`; leaves no empty branch.
  void remove(std::string_view pattern, const destination& to);
  /// Returns the places visited: what the match has cost.
  size_t match(std::string_view key, found_destinations& into) const;
  bool empty() const noexcept { return !root_; }

private:
  struct node;
  struct node_by_word;
  class matcher;

  static node& own(ref<node>& slot);
  static void add(ref<node>& slot, std::string_view rest, bool done, const destination& to);
  static void remove(ref<node>& slot, std::string_view rest, bool done, const destination& to);

  ref<node> root_;
};

/// Cuts the first word off `rest`; `done` becomes true when there was no '.' behind it. Call only while !done.
std::string_view next_topic_word(std::string_view& rest, bool& done);

} // namespace broker
