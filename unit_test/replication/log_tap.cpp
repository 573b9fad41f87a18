#include "replication/log_tap.hpp"

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/log_record.hpp"

namespace log_model {

using namespace broker;
using namespace broker::replication;

void tapped_store::append(queue_id queue, const batch_ref& batch, slice where, seqno first, bool durable,
                          message_facts facts) {
  if (planted_ == log_plant::facts_forgotten)
    facts = {};
  if (planted_ == log_plant::record_before_messages)
    appends_.push_back({batch, where, first, facts});
  else
    inner_->append(queue, batch, where, first, durable, facts);
}

void tapped_store::settle(queue_id queue, std::vector<seq_range> seqs) {
  inner_->settle(queue, std::move(seqs));
}

/// `bytes` are what log_storage wrote; what a mistake would have written instead.
std::string tapped_store::tampered(std::string bytes) const {
  auto read = decode_record(bytes);
  BROKER_ASSERT(read.ok(), "what was encoded is decoded");
  if (auto* whole = std::get_if<stored_checkpoint>(&read->what)) {
    if (planted_ == log_plant::dedupe_forgotten)
      whole->log.base.dedupe = {};
    if (planted_ == log_plant::settled_forgotten)
      whole->settled.clear();
    if (planted_ == log_plant::runs_forgotten)
      whole->log.runs.clear();
    return encode_record(*whole);
  }
  log_write what;
  std::visit(overloaded{[](const stored_checkpoint&) {}, [&](const auto& one) { what.what = one; }}, read->what);
  if (auto* cut = std::get_if<log_truncated>(&what.what); cut && planted_ == log_plant::chain_of_cut_forgotten)
    cut->chain = 0;
  return encode_record(what, planted_ == log_plant::offset_forgotten ? 0 : read->offset);
}

void tapped_store::log(queue_id queue, uint64_t number, std::string bytes, bool anew) {
  std::string written = tampered(bytes);
  BROKER_ASSERT(planted_ != log_plant::none || written == bytes, "what is decoded is encoded the same");
  if (planted_ == log_plant::never_anew && !records_.empty())
    anew = false;
  records_.push_back({written, number, anew});
  if (planted_ == log_plant::lost_record && !anew && records_.size() % 16 == 0)
    return;
  if (planted_ == log_plant::settle_before_record) { // each is written with the next
    std::optional<record> before = std::exchange(held_, record{std::move(written), number, anew});
    if (before)
      inner_->log(queue, before->number, std::move(before->bytes), before->anew);
    return;
  }
  inner_->log(queue, number, std::move(written), anew);
  for (const delayed& one : std::exchange(appends_, {}))
    inner_->append(queue, one.batch, one.where, one.first, true, one.facts);
}

void tapped_store::cut_off(size_t records) {
  records_.resize(records);
  appends_.clear();
  held_.reset();
}

} // namespace log_model
