// A persistent (immutable, structure-sharing) map from byte strings: a hash array mapped trie with 32-way nodes.
// Copying a map is one reference; changing a copy replaces the four or so nodes on the way to the entry, so that a
// snapshot of 100,000 entries costs a change about a microsecond (architecture.md D5). Nodes nobody else holds are
// changed in place.
//
// Thread rule: a map is changed by one owner; copies of it may be read, and dropped, on any thread.
// Deterministic: equal sequences of changes give equal order of iteration; `sorted` gives an order that depends on the
// content alone.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/ref_counted.hpp"

namespace broker {

/// FNV-1a with a final mix: deterministic on every machine.
inline uint64_t hash_bytes(std::string_view bytes) noexcept {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char octet : bytes)
    hash = (hash ^ static_cast<uint8_t>(octet)) * 0x100000001b3u;
  hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
  return hash ^ (hash >> 32);
}

/// `Traits::key(const T&)` gives the key, which lives in the entry; `Traits::hash(key)`, if there is one, replaces
/// hash_bytes. T is cheap to copy: a pointer or a few words.
template<class T, class Traits>
class persistent_map {
public:
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// The entry, or null. Valid while this map, or a copy that has it, is unchanged.
  const T* find(std::string_view key) const noexcept {
    uint64_t hash = hash_of(key);
    for (const node* at = root_.get(); at;) {
      if (at->is_bucket)
        return at->find_in_bucket(key);
      const uint32_t bit = 1u << (hash & 31);
      if (at->entry_bits & bit) {
        const T& entry = at->entries[at->entry_index(bit)];
        return Traits::key(entry) == key ? &entry : nullptr;
      }
      at = at->child_bits & bit ? at->children[at->child_index(bit)].get() : nullptr;
      hash >>= 5;
    }
    return nullptr;
  }

  /// The entry for changing (not its key), or null. Other copies of the map keep what they have.
  T* find_mutable(std::string_view key) {
    if (!find(key))
      return nullptr;
    uint64_t hash = hash_of(key);
    for (ref<node>* slot = &root_;;) {
      node& at = own(*slot);
      if (at.is_bucket)
        return const_cast<T*>(at.find_in_bucket(key));
      const uint32_t bit = 1u << (hash & 31);
      if (at.entry_bits & bit)
        return &at.entries[at.entry_index(bit)];
      slot = &at.children[at.child_index(bit)];
      hash >>= 5;
    }
  }

  /// True when the key is new; otherwise the entry is replaced.
  bool put(T entry) {
    const std::string_view key = Traits::key(entry);
    const bool added = put(root_, std::move(entry), hash_of(key), 0);
    size_ += added ? 1 : 0;
    return added;
  }

  /// True when there was such an entry. `key` may live in the entry.
  bool erase(std::string_view key) {
    const T* found = find(key);
    if (!found)
      return false;
    const T keeps_key_alive = *found;
    erase(root_, key, hash_of(key), 0);
    --size_;
    return true;
  }

  /// Order of the hash: deterministic, but no order to show to anybody.
  template<class Visit>
  void for_each(Visit&& visit) const {
    if (root_)
      for_each(*root_, visit);
  }

  static constexpr size_t parts_max = 1024;

  /// Those of one of `parts` parts, a power of two up to parts_max: together the parts have each entry once. What part
  /// an entry is in hangs on its key alone. Costs as much as the part has entries.
  template<class Visit>
  void for_each_of(size_t part, size_t parts, Visit&& visit) const {
    BROKER_ASSERT(std::has_single_bit(parts) && parts <= parts_max && part < parts, "one of a power of two");
    if (root_)
      for_each_of(*root_, part, parts - 1, visit);
  }

  /// All entries by key.
  std::vector<T> sorted() const {
    return sorted_if([](const T&) { return true; });
  }

  /// Those that fulfil the condition, by key: of few among many it costs a tenth.
  template<class Condition>
  std::vector<T> sorted_if(Condition&& holds) const {
    std::vector<T> all;
    for_each([&](const T& entry) {
      if (holds(entry))
        all.push_back(entry);
    });
    std::sort(all.begin(), all.end(), [](const T& a, const T& b) { return Traits::key(a) < Traits::key(b); });
    return all;
  }

private:
  static uint64_t hash_of(std::string_view key) noexcept {
    if constexpr (requires { Traits::hash(key); })
      return Traits::hash(key);
    else
      return hash_bytes(key);
  }

  /// 12 levels use up the hash; entries that still agree share a bucket.
  static constexpr int bucket_level = 12;

  struct node final : ref_counted {
    bool is_bucket = false;
    uint32_t entry_bits = 0; ///< which of the 32 places hold an entry
    uint32_t child_bits = 0; ///< which hold a child; never both
    std::vector<T> entries;
    std::vector<ref<node>> children;

    size_t entry_index(uint32_t bit) const noexcept {
      return static_cast<size_t>(std::popcount(entry_bits & (bit - 1)));
    }
    size_t child_index(uint32_t bit) const noexcept {
      return static_cast<size_t>(std::popcount(child_bits & (bit - 1)));
    }
    const T* find_in_bucket(std::string_view key) const noexcept {
      for (const T& entry : entries)
        if (Traits::key(entry) == key)
          return &entry;
      return nullptr;
    }
  };

  /// The node in `slot`, which from now on nobody else sees.
  static node& own(ref<node>& slot) {
    if (!slot->unique()) {
      auto copy = make_ref<node>();
      copy->is_bucket = slot->is_bucket;
      copy->entry_bits = slot->entry_bits;
      copy->child_bits = slot->child_bits;
      copy->entries = slot->entries;
      copy->children = slot->children;
      slot = std::move(copy);
    }
    return *slot;
  }

  static bool put(ref<node>& slot, T&& entry, uint64_t hash, int level) {
    if (!slot) {
      slot = make_ref<node>();
      slot->is_bucket = level >= bucket_level;
    }
    node& at = own(slot);
    if (at.is_bucket)
      return put_in_bucket(at, std::move(entry));
    const uint32_t bit = 1u << (hash & 31);
    if (at.child_bits & bit)
      return put(at.children[at.child_index(bit)], std::move(entry), hash >> 5, level + 1);
    const size_t index = at.entry_index(bit);
    if (!(at.entry_bits & bit)) {
      at.entries.insert(at.entries.begin() + static_cast<std::ptrdiff_t>(index), std::move(entry));
      at.entry_bits |= bit;
      return true;
    }
    T& present = at.entries[index];
    if (Traits::key(present) == Traits::key(entry)) {
      present = std::move(entry);
      return false;
    }
    push_down(at, bit, level);
    return put(at.children[at.child_index(bit)], std::move(entry), hash >> 5, level + 1);
  }

  static bool put_in_bucket(node& at, T&& entry) {
    if (const T* present = at.find_in_bucket(Traits::key(entry))) {
      *const_cast<T*>(present) = std::move(entry);
      return false;
    }
    at.entries.push_back(std::move(entry));
    return true;
  }

  /// Makes room at `bit`: the entry there moves into a new child.
  static void push_down(node& at, uint32_t bit, int level) {
    const auto place = at.entries.begin() + static_cast<std::ptrdiff_t>(at.entry_index(bit));
    T entry = std::move(*place);
    at.entries.erase(place);
    at.entry_bits &= ~bit;
    const uint64_t hash = hash_of(Traits::key(entry)) >> (5 * (level + 1));
    ref<node> child;
    put(child, std::move(entry), hash, level + 1);
    at.child_bits |= bit;
    at.children.insert(at.children.begin() + static_cast<std::ptrdiff_t>(at.child_index(bit)), std::move(child));
  }

  /// The entry exists. Leaves no empty node and no child of a single entry, so that the shape depends on the content
  /// only.
  static void erase(ref<node>& slot, std::string_view key, uint64_t hash, int level) {
    node& at = own(slot);
    if (at.is_bucket) {
      at.entries.erase(at.entries.begin() + (at.find_in_bucket(key) - at.entries.data()));
    } else if (const uint32_t bit = 1u << (hash & 31); at.entry_bits & bit) {
      at.entries.erase(at.entries.begin() + static_cast<std::ptrdiff_t>(at.entry_index(bit)));
      at.entry_bits &= ~bit;
    } else {
      erase(at.children[at.child_index(bit)], key, hash >> 5, level + 1);
      pull_up(at, bit);
    }
    if (at.entries.empty() && at.children.empty())
      slot = nullptr;
  }

  static void pull_up(node& at, uint32_t bit) {
    const auto place = at.children.begin() + static_cast<std::ptrdiff_t>(at.child_index(bit));
    ref<node> child = *place;
    if (child && (child->entries.size() != 1 || !child->children.empty()))
      return;
    at.children.erase(place);
    at.child_bits &= ~bit;
    if (child) {
      const auto index = static_cast<std::ptrdiff_t>(at.entry_index(bit));
      at.entries.insert(at.entries.begin() + index, child->entries.front());
      at.entry_bits |= bit;
    }
  }

  template<class Visit>
  static void for_each(const node& at, Visit& visit) {
    for (const T& entry : at.entries)
      visit(entry);
    for (const ref<node>& child : at.children)
      for_each(*child, visit);
  }

  /// Those whose hash has the bits `part` under `mask`, which is of two levels at most.
  template<class Visit>
  static void for_each_of(const node& at, uint64_t part, uint64_t mask, Visit& visit) {
    if (mask == 0)
      return for_each(at, visit);
    auto entry = at.entries.begin();
    auto child = at.children.begin();
    for (uint64_t slot = 0; slot < 32; ++slot) {
      const bool wanted = (slot & mask) == (part & mask & 31);
      if (at.entry_bits >> slot & 1) {
        if (wanted && (mask < 32 || (hash_of(Traits::key(*entry)) & mask) == part))
          visit(*entry);
        ++entry;
      }
      if (at.child_bits >> slot & 1) {
        if (wanted)
          for_each_of(**child, part >> 5, mask >> 5, visit);
        ++child;
      }
    }
  }

  ref<node> root_;
  size_t size_ = 0;
};

} // namespace broker
