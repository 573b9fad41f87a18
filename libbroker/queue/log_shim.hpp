// The message store of a queue_state whose messages are in a replica's log: what it says of them is collected for one
// step and becomes entries and reads of that log (replicated_queue.hpp).
// Not thread-safe; owned by one replicated_queue.
#pragma once

#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "ports/message_store.hpp"

namespace broker::queueing {

class log_shim final : public message_store {
public:
  struct order {
    seqno from = 0;
    seqno before = 0;
    size_t max_bytes = 0;
  };

  explicit log_shim(message_store& below) : below_(below) {}

  void attach(queue_id, ref<store_client>) override { BROKER_ASSERT(false, "its owner is attached"); }
  void detach(queue_id) override { BROKER_ASSERT(false, "its owner is attached"); }
  void append(queue_id, const batch_ref&, slice, seqno, bool, message_facts) override {
    BROKER_ASSERT(false, "what a replicated queue holds is in its log before");
  }
  void settle(queue_id, std::vector<seq_range> seqs) override {
    settled.insert(settled.end(), seqs.begin(), seqs.end());
  }
  void log(queue_id, uint64_t, std::string, bool) override { BROKER_ASSERT(false, "a queue keeps no log itself"); }
  void delivered(queue_id, seqno upto) override { handed_out = upto; }
  void read(queue_id, seqno from, seqno before, size_t max_bytes) override {
    reads.push_back({from, before, max_bytes});
  }
  void drop(queue_id) override { BROKER_ASSERT(false, "its owner drops the queue"); }
  bool congested() const override { return below_.congested(); }

  // -- of the step under way --
  std::vector<seq_range> settled;
  std::vector<order> reads;
  seqno handed_out = 0; ///< 0: nothing new

private:
  message_store& below_;
};

} // namespace broker::queueing
