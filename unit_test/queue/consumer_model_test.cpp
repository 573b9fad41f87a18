// The model of a queue with what decides who gets which message: priorities, single active consumer, delivery counts
// and limits, de-duplication, each and all together.

#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "queue_model.hpp"
#include "sample.hpp"

using namespace test;

namespace consumer_model_promises {
namespace {

class consumer_model final : public queue_model {
public:
  using queue_model::queue_model;

private:
  batch_ref make_batch(size_t count) override {
    std::vector<amqp::properties> all(count);
    for (amqp::properties& one : all) {
      if (random_.chance(1, 2))
        one.priority = static_cast<uint8_t>(random_.below(12));
      if (random_.chance(1, 3))
        one.headers.emplace().set("x-deduplication-header",
                                  amqp::field_value{static_cast<int64_t>(random_.below(200))});
    }
    return f_.batch_of(all);
  }

  void accepted(const message& one, bool confirm) override {
    known_message fresh{number_of(one), one.has(message::persistent) || options_.type == queue_type::quorum};
    const auto properties = amqp::decode_properties(one.property_bytes());
    fresh.priority = std::min(properties->priority.value_or(0), options_.max_priority);
    int64_t key = 0;
    if (options_.deduplicate && properties->headers
        && properties->headers->find("x-deduplication-header")->as_integer(key))
      fresh.key = std::to_string(key);
    if (const auto first = duplicate_of(fresh.key)) {
      if (confirm)
        unconfirmed_.emplace(fresh.number, *first);
      return;
    }
    const known_message& kept = keep(std::move(fresh), confirm);
    if (!kept.key.empty())
      keys_[kept.key] = {next_seq_, next_key_++, true};
  }

  /// What must be durable before a duplicate is confirmed, 0 = nothing; nothing if `key` is new.
  std::optional<seqno> duplicate_of(const std::string& key) const {
    const auto seen = keys_.find(key);
    if (seen == keys_.end())
      return std::nullopt;
    if (seen->second.in_queue) {
      const known_message& first = known_.at(seen->second.at);
      return first.persistent ? seen->second.at : 0;
    }
    if (next_key_ - seen->second.number <= options_.deduplication_window)
      return 0;
    return std::nullopt;
  }

  void ends(entry& one, end how) override {
    queue_model::ends(one, how);
    const auto seen = keys_.find(one.second.key);
    if (seen == keys_.end() || seen->second.at != one.first)
      return;
    if (how == end::acknowledged)
      seen->second.in_queue = false;
    else
      keys_.erase(seen);
  }

  void comes_back(entry& one) override {
    queue_model::comes_back(one);
    if (options_.type != queue_type::quorum)
      return;
    ++one.second.returns;
    if (options_.delivery_limit && one.second.returns > *options_.delivery_limit)
      ends(one, end::rejected);
  }

  void subscribed(const consumer_ref& who) override {
    if (!active_)
      active_ = who;
  }
  void left() override {
    if (std::find(consumers_.begin(), consumers_.end(), active_) != consumers_.end())
      return;
    active_ = nullptr;
    for (const consumer_ref& one : consumers_)
      if (!active_ || (options_.type == queue_type::classic && one->priority > active_->priority))
        active_ = one;
  }
  void check_delivery(const delivery& one) override {
    BOOST_REQUIRE(!options_.single_active_consumer || one.who == active_.get());
  }

  /// A quorum queue says how often a message has come back.
  void check_content(const stored_run& run) override {
    if (options_.type != queue_type::quorum)
      return;
    for (uint32_t at = run.where.lo; at < run.where.hi; ++at) {
      const auto properties = amqp::decode_properties(run.batch->messages[at].property_bytes());
      const auto* count = properties->headers ? properties->headers->find("x-delivery-count") : nullptr;
      int64_t told = 0;
      BOOST_REQUIRE(!count || (count->as_integer(told) && told > 0));
      BOOST_REQUIRE_EQUAL(told, known_.at(run.first + at - run.where.lo).returns);
    }
  }

  struct seen_key {
    seqno at = 0;
    uint64_t number = 0;
    bool in_queue = true;
  };
  std::map<std::string, seen_key> keys_; ///< latest message of each
  uint64_t next_key_ = 1;
  consumer_ref active_;
};

} // namespace
} // namespace consumer_model_promises

BOOST_AUTO_TEST_SUITE(consumer_model_promises)

BOOST_AUTO_TEST_CASE(any_sequence_of_operations_agrees_with_a_table_of_messages_under_every_option) {
  queue_options priorities;
  priorities.max_priority = 9;
  queue_options single_active;
  single_active.single_active_consumer = true;
  queue_options quorum;
  quorum.type = queue_type::quorum;
  quorum.delivery_limit = 3;
  queue_options deduplicating;
  deduplicating.deduplicate = true;
  deduplicating.deduplication_window = 20;
  queue_options everything = deduplicating;
  everything.max_priority = 255;
  everything.single_active_consumer = true;
  everything.type = queue_type::quorum;
  everything.delivery_limit = 1;
  const size_t budgets[] = {500, 5'000, limits::queue_memory_bytes};
  for (const queue_options& one : {priorities, single_active, quorum, deduplicating, everything}) {
    for (uint64_t seed = 1; seed <= sample::seeds(40); ++seed) {
      BOOST_TEST_CONTEXT("seed " << seed << (one.max_priority ? " priorities" : "")
                                 << (one.single_active_consumer ? " single active" : "")
                                 << (one.type == queue_type::quorum ? " quorum" : "")
                                 << (one.deduplicate ? " deduplicating" : "")) {
        consumer_model{seed, budgets[seed % 3], one}.run(300);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
