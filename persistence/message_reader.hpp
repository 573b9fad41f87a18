// Reads stored messages back into batches (D12). Stateless; runs on the reader's and the helper's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backlog_store.hpp"
#include "journal_index.hpp"

namespace broker {

/// Something stored that can no longer be read as it was written. It is not served, and its file is kept.
struct store_damage {
  queue_id queue = 0;
  seq_range seqs;   ///< what cannot be served
  std::string text; ///< names file and offset
};

/// A batch being filled with messages in order, cut into runs of consecutive sequence numbers.
class batch_builder {
public:
  /// A queue knows the facts of what it reads back: only who moves messages needs them.
  explicit batch_builder(bool keeps_facts = false) : keeps_facts_(keeps_facts) {}
  void add_block(block_ref block) { batch_->blocks.push_back(std::move(block)); }
  void add(seqno seq, const message& content, message_facts facts);
  size_t messages() const noexcept { return batch_->messages.size(); }
  /// The messages from `from` on are in the block added last. Few of them must not keep all that was read with them:
  /// they move to a block that is just large enough.
  void shrink_block(size_t from, size_t block_bytes);
  size_t bytes() const noexcept { return batch_->bytes; }
  bool empty() const noexcept { return batch_->messages.empty(); }
  std::vector<stored_run> take();
  /// Of the messages in the batch, in order; what take() has handed out included. Only a builder that keeps them.
  const std::vector<message_facts>& facts() const noexcept { return facts_; }

private:
  const bool keeps_facts_;
  std::vector<message_facts> facts_;
  batch_ref batch_ = make_ref<publish_batch>();
  std::vector<stored_run> runs_;
};

/// Adds the piece's live messages until the batch holds `max_bytes`; damaged ones go to `report`.
/// Returns the first sequence number that was not looked at.
seqno read_messages(const read_piece& piece, queue_id queue, size_t max_bytes, backlog_store& backlog,
                    batch_builder& into, const std::function<void(store_damage)>& report);

/// The record of a replica's log, from its file. An error when it is damaged or unreadable.
result<std::string> read_log(const log_place& where, const segment_file& segment);

} // namespace broker
