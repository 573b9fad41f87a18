#include "replication/log_storage.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/log_recovery.hpp"

namespace broker::replication {

log_storage::log_storage(queue_id queue, message_store& store, const recovered_log& found,
                         log_storage_settings settings)
  : queue_(queue), store_(&store), settings_(settings), numbers_(found.numbers), records_(found.records) {
  if (!found.adoption.empty()) {
    record_ = life_ = 1; // acknowledges no write of the replica's
    store_->log(queue_, record_, found.adoption, true);
  }
  settle(found.settled);
}

// -- writing
// ------------------------------------------------------------------------------------------------------------

void log_storage::settle(std::vector<seq_range> places) {
  std::erase_if(places, [](const seq_range& one) { return one.first >= one.last; });
  if (places.empty())
    return;
  store_->settle(queue_, places);
  if (settled_.empty() || settled_.back().after != record_)
    settled_.push_back({record_, {}});
  for (const seq_range& one : places)
    if (auto& all = settled_.back().places; !all.empty() && all.back().last == one.first)
      all.back().last = one.last;
    else
      all.push_back(one);
}

std::vector<seq_range> log_storage::unsure() const {
  std::vector<seq_range> all;
  for (const settled& one : settled_)
    all.insert(all.end(), one.places.begin(), one.places.end());
  return all;
}

void log_storage::append(const stored_run& run, message_facts facts) {
  store_->append_logged(queue_, run.batch, run.where, run.first, facts); // each is followed by its note()
}

void log_storage::note(const log_write& what, uint64_t offset) {
  BROKER_ASSERT(life_ + what.number > record_, "writes are performed in order, each once");
  record_ = life_ + what.number;
  const bool anew = std::holds_alternative<log_emptied>(what.what);
  std::string record = encode_record(what, offset);
  records_ = anew ? 1 : records_ + 1;
  bytes_ = anew ? record.size() : bytes_ + record.size();
  store_->log(queue_, record_, std::move(record), anew);
}

void log_storage::perform(const log_write& what) {
  std::visit(overloaded{
               [&](const log_emptied&) {
                 const seq_range gone = numbers_.clear();
                 note(what, 0);
                 settle({gone});
               },
               [&](const log_appended& one) {
                 BROKER_ASSERT(one.run.first == numbers_.end() && one.run.in_memory(), "what is appended comes whole");
                 const uint64_t offset = numbers_.append(one.run.count);
                 if (one.run.kind == entry_kind::publish)
                   append({one.run.batch, one.run.where, one.run.first + offset}, one.run.facts);
                 note(what, offset);
               },
               [&](const log_truncated& one) {
                 const seq_range gone = numbers_.cut_off(one.from);
                 note(what, 0);
                 settle({gone});
               },
               [&](const log_copy_begun& one) {
                 BROKER_ASSERT(numbers_.end() == 1, "a copy goes into an empty log");
                 note(what, numbers_.append(one.base->end.seq));
               },
               [&](const log_copied& one) {
                 for (const live_run& run : one.live) // all below the base, which has its places since the copy began
                   append({run.batch, run.where, numbers_.stored(run.first)}, run.facts);
                 note(what, 0);
               },
               [&](const log_copy_ended&) { note(what, 0); },
               [&](const log_forgotten& one) { settle(numbers_.stored(one.ended)); },
             },
             what.what);
}

void log_storage::perform(const std::vector<log_write>& writes, const replica_log& log, seqno commit,
                          seqno delivered_upto) {
  for (const log_write& one : writes)
    perform(one);
  BROKER_ASSERT(log.length() + 1 == numbers_.end(), "every write is performed, in order");
  if (records_ >= settings_.checkpoint_records || bytes_ >= std::max(settings_.checkpoint_bytes, 2 * checkpoint_size_))
    check_point(log, commit, delivered_upto);
}

/// Takes the number of the record before it: it acknowledges no write.
void log_storage::check_point(const replica_log& log, seqno commit, seqno delivered_upto) {
  std::string record =
    encode_record({log.checkpoint(commit, delivered_upto), numbers_.pieces(), numbers_.next(), unsure()});
  checkpoint_size_ = bytes_ = record.size();
  records_ = 1;
  store_->log(queue_, record_, std::move(record), true);
}

void log_storage::begin_again() {
  life_ = record_;
  for (ordered& one : orders_)
    one.order.peer = 0;
}

void log_storage::delivered(seqno upto) {
  if (upto > numbers_.begin())
    store_->delivered(queue_, numbers_.stored_from(upto));
}

/// What was settled before a record that is on disk is on disk, too.
write_number log_storage::on_logged(uint64_t upto) {
  while (!settled_.empty() && settled_.front().after < upto)
    settled_.pop_front();
  return upto > life_ ? upto - life_ : 0;
}

} // namespace broker::replication
