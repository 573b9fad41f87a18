#include "search.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unordered_set>

#include "world.hpp"

namespace explorer {

namespace {

uint64_t fingerprint(const state& at) {
  const auto* words = reinterpret_cast<const uint32_t*>(&at);
  uint64_t a = 0x9e3779b97f4a7c15u, b = 0xd1b54a32d192ed03u;
  for (size_t i = 0; i < sizeof at / sizeof *words; ++i) {
    a = (a ^ words[i]) * 0xff51afd7ed558ccdu;
    a ^= a >> 32;
    b += 0x9e3779b97f4a7c15u;
    a += b;
  }
  a ^= a >> 29;
  return a != 0 ? a : 1;
}

/// Open addressing; fingerprints only.
class fingerprints {
public:
  explicit fingerprints(size_t capacity) : slots_(capacity) {}

  bool insert(uint64_t print) {
    if (used_ * 10 > slots_.size() * 6)
      grow();
    const size_t at = find(print);
    if (slots_[at] != 0)
      return false;
    slots_[at] = print;
    ++used_;
    return true;
  }
  bool has(uint64_t print) const { return slots_[find(print)] != 0; }

private:
  size_t find(uint64_t print) const {
    size_t at = print & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != print)
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    used_ = 0;
    for (uint64_t print : old)
      if (print != 0)
        insert(print);
  }

  std::vector<uint64_t> slots_;
  size_t used_ = 0;
};

class search {
public:
  search(const options& bounds, bool show) : bounds_(bounds), world_(bounds), show_(show) {}

  findings run() {
    level_.push_back(world_.initial());
    ids_.push_back(0);
    seen_.insert(fingerprint(level_[0]));
    while (!level_.empty() && found_.how == findings::end::holds)
      one_level();
    found_.states = origins_.size();
    found_.real_steps = world_.steps().real_steps();
    if (found_.how == findings::end::broken)
      trace(show_);
    return found_;
  }

private:
  struct origin {
    uint32_t parent;
    uint16_t ordinal;
  };

  void one_level() {
    std::vector<state> next;
    std::vector<uint32_t> next_ids;
    for (size_t i = 0; i < level_.size() && found_.how == findings::end::holds; ++i) {
      if (bounds_.live && !can_finish(level_[i])) {
        finding("I8: no fault-free schedule confirms everything and brings every node back", ids_[i]);
        return;
      }
      uint16_t ordinal = 0;
      world_.successors(level_[i], true, [&](const state& to, const label&) {
        const uint16_t mine = ordinal++;
        ++found_.transitions;
        const bool broken = world_.broken() != nullptr;
        if (found_.how != findings::end::holds || (!broken && !seen_.insert(fingerprint(to))))
          return world_.forgive();
        const char* wrong = world_.check(to);
        origins_.push_back({ids_[i], mine});
        if (wrong != nullptr) {
          finding(wrong, static_cast<uint32_t>(origins_.size() - 1));
          return world_.forgive();
        }
        found_.finals += world_.done(to);
        next.push_back(to);
        next_ids.push_back(static_cast<uint32_t>(origins_.size() - 1));
      });
      if (origins_.size() > bounds_.states_max && found_.how == findings::end::holds)
        found_.how = findings::end::bound;
    }
    if (found_.how != findings::end::broken)
      found_.depth += !next.empty();
    level_.swap(next);
    ids_.swap(next_ids);
  }

  void finding(const char* what, uint32_t id) {
    found_.how = findings::end::broken;
    found_.what = what;
    bad_ = id;
  }

  /// I8. First one schedule, always the first thing that is possible; then all.
  bool can_finish(const state& from) {
    std::vector<uint64_t> path;
    std::unordered_set<uint64_t> mine;
    state at = from;
    for (int count = 0; count < 500; ++count) {
      const uint64_t print = fingerprint(at);
      if (world_.all_well(at) || good_.has(print)) {
        for (uint64_t one : path)
          good_.insert(one);
        return true;
      }
      if (!mine.insert(print).second)
        break;
      path.push_back(print);
      state next;
      bool any = false;
      world_.successors(at, false, [&](const state& to, const label&) {
        world_.forgive();
        if (!any && mine.count(fingerprint(to)) == 0) {
          next = to;
          any = true;
        }
      });
      if (!any)
        break;
      at = next;
    }
    return any_schedule(from);
  }

  bool any_schedule(const state& from) {
    std::unordered_set<uint64_t> seen{fingerprint(from)};
    std::vector<state> todo{from};
    while (!todo.empty() && seen.size() < 300'000) {
      const state at = todo.back();
      todo.pop_back();
      bool ok = false;
      world_.successors(at, false, [&](const state& to, const label&) {
        world_.forgive();
        const uint64_t print = fingerprint(to);
        ok = ok || world_.all_well(to) || good_.has(print);
        if (seen.insert(print).second)
          todo.push_back(to);
      });
      if (ok) {
        good_.insert(fingerprint(from));
        return true;
      }
    }
    return false;
  }

  void trace(bool show) {
    std::vector<uint16_t> path;
    for (uint32_t id = bad_; id != 0; id = origins_[id].parent)
      path.push_back(origins_[id].ordinal);
    std::reverse(path.begin(), path.end());
    found_.steps = path.size();
    state at = world_.initial();
    for (size_t count = 0; count < path.size() && show; ++count) {
      uint16_t ordinal = 0;
      state next = at;
      label what{"", -1, -1};
      world_.successors(at, true, [&](const state& to, const label& how) {
        world_.forgive();
        if (ordinal++ == path[count]) {
          next = to;
          what = how;
        }
      });
      at = next;
      std::printf("%3zu %s", count + 1, what.what);
      if (what.who >= 0)
        std::printf(" n%d", what.who + 1);
      if (what.other >= 0)
        std::printf(" / n%d", what.other + 1);
      std::printf("\n");
      world_.print(at);
    }
  }

  const options& bounds_;
  world world_;
  bool show_;
  findings found_;
  fingerprints seen_{1 << 16};
  fingerprints good_{1 << 12};
  std::vector<origin> origins_{{0, 0}};
  std::vector<state> level_;
  std::vector<uint32_t> ids_;
  uint32_t bad_ = 0;
};

} // namespace

findings explore(const options& bounds, bool show) {
  repl::planted_mistakes = bounds.plants;
  findings found = search{bounds, show}.run();
  repl::planted_mistakes = 0;
  return found;
}

} // namespace explorer
