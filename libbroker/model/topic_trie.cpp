#include "model/topic_trie.hpp"

#include <cstddef>
#include <memory_resource>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace broker {

struct topic_trie::node_by_word {
  static std::string_view key(const ref<node>& entry);
};

struct topic_trie::node final : ref_counted {
  std::string word;                                 ///< the word that leads here
  bool is_hash = false;                             ///< reached through '#': any word leads back here
  persistent_map<ref<node>, node_by_word> children; ///< by plain word
  ref<node> star;
  ref<node> hash;
  destination_set here; ///< of the patterns that end here

  bool is_empty() const noexcept { return children.empty() && !star && !hash && here.empty(); }
};

std::string_view topic_trie::node_by_word::key(const ref<node>& entry) {
  return entry->word;
}

topic_trie::topic_trie() = default;
topic_trie::topic_trie(const topic_trie&) = default;
topic_trie& topic_trie::operator=(const topic_trie&) = default;
topic_trie::~topic_trie() = default;

std::string_view next_topic_word(std::string_view& rest, bool& done) {
  const size_t dot = rest.find('.');
  const std::string_view word = rest.substr(0, dot);
  done = dot == std::string_view::npos;
  rest = done ? std::string_view{} : rest.substr(dot + 1);
  return word;
}

topic_trie::node& topic_trie::own(ref<node>& slot) {
  if (!slot) {
    slot = make_ref<node>();
  } else if (!slot->unique()) {
    auto copy = make_ref<node>();
    copy->word = slot->word;
    copy->is_hash = slot->is_hash;
    copy->children = slot->children;
    copy->star = slot->star;
    copy->hash = slot->hash;
    copy->here = slot->here;
    slot = std::move(copy);
  }
  return *slot;
}

void topic_trie::add(std::string_view pattern, const destination& to) {
  add(root_, pattern, pattern.empty(), to);
}

void topic_trie::add(ref<node>& slot, std::string_view rest, bool done, const destination& to) {
  node& at = own(slot);
  if (done) {
    at.here.add(to);
    return;
  }
  const std::string_view word = next_topic_word(rest, done);
  if (word == "*") {
    add(at.star, rest, done, to);
  } else if (word == "#") {
    // "#.#" says no more than "#": one place instead of two to be in.
    if (at.is_hash)
      return add(slot, rest, done, to);
    own(at.hash).is_hash = true;
    add(at.hash, rest, done, to);
  } else {
    if (!at.children.find(word)) {
      auto child = make_ref<node>();
      child->word = word;
      at.children.put(std::move(child));
    }
    add(*at.children.find_mutable(word), rest, done, to);
  }
}

void topic_trie::remove(std::string_view pattern, const destination& to) {
  remove(root_, pattern, pattern.empty(), to);
}

void topic_trie::remove(ref<node>& slot, std::string_view rest, bool done, const destination& to) {
  BROKER_ASSERT(slot, "removing a pattern that was never added");
  node& at = own(slot);
  if (done) {
    at.here.remove(to);
  } else {
    const std::string_view word = next_topic_word(rest, done);
    if (word == "*") {
      remove(at.star, rest, done, to);
    } else if (word == "#") {
      if (at.is_hash)
        return remove(slot, rest, done, to);
      remove(at.hash, rest, done, to);
    } else {
      const ref<node>* child = at.children.find(word);
      BROKER_ASSERT(child != nullptr, "removing a pattern that was never added");
      ref<node> changed = *child; // its entry must keep its key, so the child is changed as a copy
      remove(changed, rest, done, to);
      if (changed)
        at.children.put(std::move(changed));
      else
        at.children.erase(word);
    }
  }
  if (at.is_empty())
    slot = nullptr;
}

/// All places of the trie that the words so far can lead to, moved on word by word.
class topic_trie::matcher {
public:
  matcher() : now_(&arena_), next_(&arena_), hashes_(&arena_), entered_(&arena_) {}

  void start(const node& root) {
    enter(root);
    settle();
  }
  void step(std::string_view word) {
    std::swap(now_, next_);
    next_.clear();
    for (const node* at : now_)
      leave(*at, word);
    // A place behind '#' stays entered for ever, so it is not in now_ and next_ but here. Those found in this step have
    // not seen the word yet: only the older ones move on.
    const size_t older = std::exchange(settled_hashes_, 0);
    for (size_t i = 0; i < older; ++i)
      leave(*hashes_[i], word);
    settle();
  }
  void collect(found_destinations& into) const {
    for (const node* at : next_)
      at->here.collect(into);
    for (const node* at : hashes_)
      at->here.collect(into);
  }

  size_t visited() const noexcept { return visited_; }

private:
  void settle() { settled_hashes_ = hashes_.size(); }
  void leave(const node& at, std::string_view word) {
    if (const ref<node>* child = at.children.find(word))
      enter(**child);
    if (at.star)
      enter(*at.star);
  }
  void enter(const node& at) {
    ++visited_;
    if (at.is_hash) {
      if (!entered_.insert(&at).second)
        return;
      hashes_.push_back(&at);
    } else {
      next_.push_back(&at);
    }
    if (at.hash)
      enter(*at.hash);
  }

  std::byte stack_[2048];
  std::pmr::monotonic_buffer_resource arena_{stack_, sizeof stack_};
  std::pmr::vector<const node*> now_;
  std::pmr::vector<const node*> next_;
  std::pmr::vector<const node*> hashes_;         ///< in the order they were entered
  std::pmr::unordered_set<const node*> entered_; ///< the same, for looking up only
  size_t settled_hashes_ = 0;
  size_t visited_ = 0;
};

size_t topic_trie::match(std::string_view key, found_destinations& into) const {
  if (!root_)
    return 0;
  matcher places;
  places.start(*root_);
  bool done = key.empty();
  while (!done) {
    const std::string_view word = next_topic_word(key, done);
    places.step(word);
  }
  places.collect(into);
  return places.visited();
}

} // namespace broker
