// The invariants of replication.md section 5, on every state.
#include "base/assert.hpp"
#include "world.hpp"

namespace explorer {

namespace {

bool publishes(code entry) {
  return entry != 0 && content_of(entry).kind == repl::entry_kind::publish;
}

/// These mistakes spoil the table by the way and are to be found by what they do to messages.
bool planted_for_dedupe(const options& bounds) {
  return bounds.planted(repl::plant::no_dedupe) || bounds.planted(repl::plant::gap_publish);
}

} // namespace

/// Messages that are committed and not ended by what is committed, bit per seq.
uint32_t world::live_of(const state& at) const {
  uint32_t live = 0, ended = 0;
  for (int i = 0; i < at.length; ++i) {
    live |= publishes(at.committed[i]) ? 2u << i : 0;
    ended |= content_of(at.committed[i]).ends;
  }
  return live & ~ended;
}

/// I1, for logs, bodies and de-duplication.
const char* world::check_disk(const state& at, int node) const {
  const summary& one = of(at, node);
  if (one.image_copying)
    return "I1: an in-sync member's log has a hole";
  if (one.dlen < at.length)
    return "I1: an in-sync member lacks a committed entry on disk";
  uint32_t ended = 0, below = 0;
  uint8_t last[entries_max + 1] = {};
  for (int i = 0; i < at.length; ++i) {
    if (one.disk[i] != 0 && one.disk[i] != at.committed[i])
      return "I1: an in-sync member has another entry where one is committed";
    ended |= content_of(one.disk[i]).ends;
    below |= 2u << i;
    const content& what = content_of(at.committed[i]);
    if (what.kind == repl::entry_kind::publish && what.channel <= entries_max)
      last[what.channel] = static_cast<uint8_t>(what.number);
    if (what.kind == repl::entry_kind::forget)
      last[what.channel] = 0;
  }
  for (int i = at.length; i < one.dlen; ++i)
    if (content_of(one.disk[i]).kind == repl::entry_kind::forget)
      last[content_of(one.disk[i]).channel] = 0; // it has ended, whether that is committed or not
  const uint32_t live = one.disk_live & ~ended & below, expected = live_of(at);
  if ((expected & ~live) != 0)
    return "I1: an in-sync member lacks a live message";
  if ((live & ~expected) != 0)
    return "I1: an in-sync member holds a message that has ended";
  for (int channel = 1; channel <= entries_max; ++channel)
    if (one.dedupe[channel] < last[channel])
      return "I1: an in-sync member would not recognise a committed publish";
  return nullptr;
}

const char* world::check_order(const code* log, int length) const {
  for (int i = 0; i < length; ++i) {
    if (!publishes(log[i]))
      continue;
    for (int j = 0; j < i; ++j) {
      if (!publishes(log[j]) || content_of(log[j]).channel != content_of(log[i]).channel)
        continue;
      if (content_of(log[j]).number == content_of(log[i]).number)
        return "I5: a publish is twice in a log";
      if (content_of(log[j]).number > content_of(log[i]).number)
        return "I5: a channel's order is broken";
    }
    bool first = content_of(log[i]).number == 1;
    for (int j = 0; j < i; ++j)
      first = first || log[j] == 0
           || (publishes(log[j]) && content_of(log[j]).channel == content_of(log[i]).channel
               && content_of(log[j]).number + 1 == content_of(log[i]).number);
    if (!first)
      return "I5: a publish is missing before a later one";
  }
  return nullptr;
}

const char* world::check_memory(const state& at, int node) const {
  const summary& one = of(at, node);
  if (!one.dedupe_follows && !planted_for_dedupe(bounds_))
    return "I3: the de-duplication table does not follow from the log";
  if (!one.up)
    return nullptr;
  if (one.commit > at.length)
    return "I4: a replica believes more committed than is";
  for (int i = 0; i < one.commit; ++i)
    if (one.log[i] != 0 && one.log[i] != at.committed[i])
      return "I4: logs differ below the commit";
  if (const char* wrong = check_order(one.log, one.len))
    return wrong;
  if (!one.master || one.mastership != head(at).queue.mastership)
    return nullptr;
  if (one.len < at.length)
    return "I2: the acting master lacks a committed entry";
  uint32_t ended = 0;
  for (int i = 0; i < at.length; ++i) {
    if (one.log[i] != 0 && one.log[i] != at.committed[i])
      return "I2: the acting master has another entry where one is committed";
    ended |= content_of(one.log[i]).ends;
  }
  if ((live_of(at) & ~(one.live & ~ended)) != 0)
    return "I2: the acting master lacks a live message";
  return nullptr;
}

const char* world::check_pair(const state& at, int a, int b) const {
  const summary &x = of(at, a), &y = of(at, b);
  if (x.master && y.master && x.mastership == y.mastership)
    return "I3: two masters in one epoch";
  bool differ = false;
  for (int i = 0; i < std::min(x.len, y.len); ++i) {
    if (x.masters[i] != 0 && x.masters[i] == y.masters[i] && x.chains[i] != y.chains[i])
      return "I3: (epoch, seq) does not identify what is in front of it";
    if (x.log[i] == 0 || y.log[i] == 0)
      continue;
    differ = differ || x.log[i] != y.log[i];
    if (differ && x.log[i] >> 8 == y.log[i] >> 8)
      return "I3: (epoch, seq) does not identify content";
  }
  return nullptr;
}

const char* world::check(const state& at) {
  if (!broken_.empty())
    return broken_.c_str();
  if (const char* wrong = check_order(at.committed, at.length))
    return wrong;
  for (int node = 0; node < bounds_.nodes; ++node) {
    const bool listed = head(at).queue.listed(static_cast<repl::node_id>(node + 1)) != nullptr;
    const char* wrong = listed && !of(at, node).damaged ? check_disk(at, node) : nullptr;
    if (wrong == nullptr)
      wrong = check_memory(at, node);
    for (int other = 0; other < node && wrong == nullptr; ++other)
      wrong = check_pair(at, node, other);
    if (wrong != nullptr)
      return wrong;
  }
  return nullptr;
}

} // namespace explorer
