// What stands between log_storage and the store of a test: it takes notes of the records that are written, and plants
// mistakes, each of which must be found.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/message_store.hpp"

namespace log_model {

enum class log_plant : uint8_t {
  none,
  record_before_messages, ///< a log record is written before the messages it tells of
  settle_before_record,   ///< a settle overtakes the record that ends the messages
  early_ack,              ///< a record is reported before it is on disk
  lost_record,            ///< one of many records is not written
  offset_forgotten,       ///< a record does not tell where its messages are
  chain_of_cut_forgotten, ///< a cut does not tell the chain in front of it
  dedupe_forgotten,       ///< a checkpoint has no de-duplication table
  settled_forgotten,      ///< a checkpoint does not tell which settles may not be on disk yet
  runs_forgotten,         ///< a checkpoint does not tell what is not committed yet
  numbers_used_again,     ///< the first number never used is not asked of the store
  never_anew,             ///< a checkpoint does not say that the log begins anew with it
  facts_forgotten,        ///< messages are stored without deadline and priority
};

class tapped_store final : public broker::message_store {
public:
  struct record {
    std::string bytes;
    uint64_t number = 0;
    bool anew = false;
  };

  explicit tapped_store(log_plant planted) : planted_(planted) {}
  void tap(broker::message_store& inner) { inner_ = &inner; }
  const std::vector<record>& records() const { return records_; }
  /// As a crash left them.
  void cut_off(size_t records);

  void attach(broker::queue_id, broker::ref<broker::store_client>) override {}
  void detach(broker::queue_id) override {}
  void append(broker::queue_id queue, const broker::batch_ref& batch, broker::slice where, broker::seqno first,
              bool durable, broker::message_facts facts) override;
  void settle(broker::queue_id queue, std::vector<broker::seq_range> seqs) override;
  void log(broker::queue_id queue, uint64_t number, std::string bytes, bool anew) override;
  void delivered(broker::queue_id queue, broker::seqno upto) override { inner_->delivered(queue, upto); }
  void read(broker::queue_id queue, broker::seqno from, broker::seqno before, size_t max_bytes) override {
    inner_->read(queue, from, before, max_bytes);
  }
  void drop(broker::queue_id queue) override { inner_->drop(queue); }
  bool congested() const override { return false; }

private:
  struct delayed {
    broker::batch_ref batch;
    broker::slice where;
    broker::seqno first = 0;
    broker::message_facts facts;
  };
  std::string tampered(std::string bytes) const;

  log_plant planted_;
  broker::message_store* inner_ = nullptr;
  std::vector<record> records_;
  std::vector<delayed> appends_;
  std::optional<record> held_;
};

} // namespace log_model
