// A message store in memory for the queue's tests: remembers what it was given, answers when told to, and aborts the
// test when the queue breaks the port's rules (rising appends, nothing settled twice or unstored).
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "base/assert.hpp"
#include "ports/message_store.hpp"

namespace test {

using namespace broker;

class fake_store final : public message_store {
public:
  struct entry {
    batch_ref batch;
    uint32_t index = 0;
    bool durable = false;
    message_facts facts;
  };
  struct request {
    seqno from = 0;
    seqno before = 0;
    size_t max_bytes = 0;
  };

  void attach(queue_id, ref<store_client>) override {}
  void detach(queue_id) override {}
  void append(queue_id, const batch_ref& batch, slice where, seqno first, bool durable, message_facts facts) override {
    BROKER_ASSERT(first >= end_, "appends must rise");
    ++appends;
    for (uint32_t at = where.lo; at < where.hi; ++at)
      live.emplace(first + at - where.lo, entry{batch, at, durable, facts});
    end_ = first + where.size();
    (durable ? durable_end : paged_end) = end_;
  }
  void settle(queue_id, std::vector<seq_range> seqs) override {
    ++settles;
    for (const seq_range& one : seqs)
      for (seqno at = one.first; at < one.last; ++at)
        BROKER_ASSERT(live.erase(at) == 1, "settled what is not stored");
  }
  void delivered(queue_id, seqno upto) override {
    BROKER_ASSERT(upto > delivered_upto, "the watermark must rise");
    delivered_upto = upto;
  }
  void read(queue_id, seqno from, seqno before, size_t max_bytes) override {
    BROKER_ASSERT(from < before, "an empty read");
    reads.push_back({from, before, max_bytes});
    ++times_read;
  }
  void log(queue_id, uint64_t, std::string, bool) override {
    BROKER_ASSERT(false, "a queue without replicas has no log");
  }
  void drop(queue_id) override { live.clear(); }
  bool congested() const override { return is_congested; }

  /// The answer to the oldest read: live messages, copied into batches of their own.
  std::vector<stored_run> answer_read() {
    const request asked = reads.front();
    reads.pop_front();
    std::vector<stored_run> answer;
    size_t bytes = 0;
    for (auto at = live.lower_bound(asked.from); at != live.end() && at->first < asked.before; ++at) {
      const publish_batch& stored = *at->second.batch;
      const message& one = stored.messages[at->second.index];
      if (bytes > 0 && bytes + one.raw_size > asked.max_bytes)
        break;
      bytes += one.raw_size;
      if (answer.empty() || answer.back().first + answer.back().where.size() != at->first)
        answer.push_back({make_ref<publish_batch>(), {0, 0}, at->first});
      stored_run& last = answer.back();
      last.batch->messages.push_back(one);
      last.batch->blocks.insert(last.batch->blocks.end(), stored.blocks.begin(), stored.blocks.end());
      ++last.where.hi;
    }
    return answer;
  }

  std::map<seqno, entry> live;
  std::deque<request> reads;
  seqno durable_end = 0; ///< behind the last durable append
  seqno paged_end = 0;   ///< behind the last page-out
  seqno delivered_upto = 0;
  size_t appends = 0;
  size_t settles = 0;
  size_t times_read = 0;
  bool is_congested = false;

private:
  seqno end_ = 0;
};

} // namespace test
