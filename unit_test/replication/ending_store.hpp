// A message store of one queue that keeps what the port promises (ports/message_store.hpp) and nothing more.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "ports/message_store.hpp"

namespace log_model {

using namespace broker;

/// A crash leaves any prefix that has what was synced, and any of the settles behind that.
class ending_store final : public message_store {
public:
  struct operation {
    enum class kind : uint8_t { append, settle, log, delivered } what = kind::append;
    batch_ref batch;
    slice where;
    seqno first = 0; ///< upto of a watermark
    message_facts facts;
    std::vector<seq_range> seqs;
    uint64_t number = 0;
    std::string bytes;
    bool anew = false;
  };
  using kind = operation::kind;
  struct order {
    seqno from, before;
    size_t max_bytes;
  };

  void attach(queue_id, ref<store_client>) override {}
  void detach(queue_id) override {}
  void append(queue_id, const batch_ref& batch, slice where, seqno first, bool, message_facts facts) override {
    add({kind::append, batch, where, first, facts, {}, 0, {}, false});
  }
  void settle(queue_id, std::vector<seq_range> seqs) override {
    add({kind::settle, {}, {}, 0, {}, std::move(seqs), 0, {}, false});
  }
  void log(queue_id, uint64_t number, std::string bytes, bool anew) override {
    add({kind::log, {}, {}, 0, {}, {}, number, std::move(bytes), anew});
  }
  void delivered(queue_id, seqno upto) override { add({kind::delivered, {}, {}, upto, {}, {}, 0, {}, false}); }
  void read(queue_id, seqno from, seqno before, size_t max_bytes) override {
    reads.push_back({from, before, max_bytes});
  }
  void drop(queue_id) override {}
  bool congested() const override { return false; }

  /// Syncs what is not, a part of it when there is a source of randomness. Number of the last record of this life that
  /// is, 0 if there is none.
  uint64_t sync(random_source* random) {
    synced += random ? random->below(operations.size() - synced + 1) : operations.size() - synced;
    for (size_t at = synced; at > born; --at)
      if (operations[at - 1].what == kind::log)
        return operations[at - 1].number;
    return 0;
  }
  /// The oldest read that was not answered. Settles that are not synced are not known to readers yet.
  template<class F>
  void answer(F&& to) {
    const order asked = reads.front();
    reads.pop_front();
    std::vector<stored_run> runs;
    std::vector<message_facts> facts;
    size_t bytes = 0;
    for (const auto& [seq, one] : live(synced)) {
      if (seq < asked.from || seq >= asked.before || bytes >= asked.max_bytes)
        continue;
      bytes += one.batch->messages[one.where.lo].raw_size;
      const bool joins = !runs.empty() && runs.back().batch == one.batch && runs.back().where.hi == one.where.lo
                      && runs.back().first + runs.back().where.size() == seq;
      if (joins)
        ++runs.back().where.hi;
      else
        runs.push_back({one.batch, one.where, seq});
      facts.push_back(one.facts);
    }
    to(std::move(runs), std::move(facts));
  }
  /// What is found afterwards. Without a source of randomness all that was not synced is lost.
  recovered_queue crash(random_source* random) {
    lose(random);
    reads.clear();
    const auto alive = live(operations.size());
    recovered_queue found{7, next_, {}, {}};
    seqno marked = 0;
    std::vector<operation> left;
    for (operation& one : operations) {
      if (one.what == kind::append)
        found.next = std::max(found.next, one.first + one.where.size());
      if (one.what == kind::settle)
        for (const seq_range& range : one.seqs) {
          found.next = std::max(found.next, range.last);
          dead_.push_back(range);
        }
      if (one.what == kind::delivered) {
        marked = std::max(marked, one.first);
        found.next = std::max(found.next, one.first);
      }
      if (one.what != kind::log)
        continue;
      if (one.anew) {
        found.log.clear();
        left.clear();
      }
      found.log.push_back(one.bytes);
      left.push_back(std::move(one));
    }
    for (const auto& [seq, one] : alive) {
      const bool redelivered = seq < marked;
      const bool joins = !found.runs.empty() && found.runs.back().first + found.runs.back().count == seq
                      && found.runs.back().facts == one.facts && found.runs.back().redelivered == redelivered;
      if (!joins)
        found.runs.push_back({seq, 0, 0, redelivered, one.facts});
      ++found.runs.back().count;
      found.runs.back().body_bytes += one.batch->messages[one.where.lo].body_size;
      left.push_back(one);
    }
    if (marked != 0)
      left.push_back({kind::delivered, {}, {}, marked, {}, {}, 0, {}, false});
    next_ = found.next;
    dead_ = joined(std::move(dead_));
    operations = std::move(left);
    synced = born = operations.size();
    return found;
  }

  std::vector<operation> operations;
  size_t synced = 0;
  size_t born = 0; ///< operations of earlier lives
  std::deque<order> reads;
  std::string broken;

private:
  void lose(random_source* random) {
    operations.resize(synced + (random ? random->below(operations.size() - synced + 1) : 0));
    size_t at = 0;
    std::erase_if(operations, [&](const operation& one) {
      return at++ >= synced && (one.what == kind::settle || one.what == kind::delivered) && random->chance(1, 2);
    });
  }
  void add(operation what) { operations.push_back(std::move(what)); }

  /// Messages by number but for what one of the first `settles` operations has settled, whether it comes before or
  /// after.
  std::map<seqno, operation> live(size_t settles) {
    std::vector<seq_range> dead = dead_;
    for (size_t at = 0; at < settles; ++at)
      if (operations[at].what == kind::settle)
        dead.insert(dead.end(), operations[at].seqs.begin(), operations[at].seqs.end());
    dead = joined(std::move(dead));
    std::map<seqno, operation> all;
    for (const operation& one : operations)
      for (uint32_t i = 0; one.what == kind::append && i < one.where.size(); ++i) {
        operation single = one;
        single.where = {one.where.lo + i, one.where.lo + i + 1};
        single.first = one.first + i;
        const auto end = std::partition_point(dead.begin(), dead.end(),
                                              [&](const seq_range& range) { return range.last <= single.first; });
        if (end != dead.end() && end->first <= single.first)
          continue;
        if (!all.emplace(single.first, single).second)
          broken = "a number was used twice";
      }
    return all;
  }
  static std::vector<seq_range> joined(std::vector<seq_range> all) {
    std::sort(all.begin(), all.end(), [](const seq_range& a, const seq_range& b) { return a.first < b.first; });
    std::vector<seq_range> some;
    for (const seq_range& one : all)
      if (!some.empty() && one.first <= some.back().last)
        some.back().last = std::max(some.back().last, one.last);
      else
        some.push_back(one);
    return some;
  }

  seqno next_ = 1;
  std::vector<seq_range> dead_; ///< in earlier lives
};

} // namespace log_model
