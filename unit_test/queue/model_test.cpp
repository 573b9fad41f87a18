// The model of a queue with what ends messages: expiry, length limits, dead letters; each or none.

#include <boost/test/unit_test.hpp>

#include "fake_metadata.hpp"
#include "queue/expiry.hpp"
#include "queue_model.hpp"
#include "sample.hpp"

using namespace test;

namespace model {
namespace {

constexpr queue_id dead_letter_target = 20;
constexpr size_t budgets[] = {500, 5'000, 50'000, limits::queue_memory_bytes};

/// No options.
class plain_model : public queue_model {
public:
  plain_model(uint64_t seed, const queue_options& options = {}) : queue_model(seed, budgets[seed % 4], options) {}

protected:
  batch_ref make_batch(size_t count) override {
    return f_.batch(count, false, static_cast<uint32_t>(16 + random_.below(100)));
  }
  void accepted(const message& one, bool confirm) override {
    keep({number_of(one), one.has(message::persistent)}, confirm);
  }
};

queue_options random_options(uint64_t seed) {
  random_source random{seed};
  queue_options chosen;
  if (random.chance(1, 2))
    chosen.message_ttl_ms = random.below(150);
  if (random.chance(1, 2))
    chosen.max_length = random.below(30);
  chosen.overflow = static_cast<overflow_policy>(random.below(3));
  if (random.chance(2, 3))
    chosen.dead_letter_exchange = "dlx";
  return chosen;
}

class ending_model final : public plain_model {
public:
  explicit ending_model(uint64_t seed) : plain_model(seed, random_options(seed)) {
    auto known = std::make_shared<fake_metadata>();
    known->bind("dlx", "#", dead_letter_target, "dead");
    f_.metadata = known;
  }

private:
  void before_step() override {
    if (random_.chance(1, 3)) // timers may be late
      f_.now_ms += random_.below(40);
  }

  size_t batch_size() override { return 1 + random_.below(5); }

  /// Each message with its own expiration, or none.
  batch_ref make_batch(size_t count) override {
    const char* const choices[] = {"", "", "0", "40", "100"};
    std::vector<amqp::properties> all(count);
    for (amqp::properties& one : all)
      if (const std::string chosen = choices[random_.below(std::size(choices))]; !chosen.empty())
        one.expiration = chosen;
    return f_.batch_of(all);
  }

  bool drops_head() const { return options_.overflow == overflow_policy::drop_head && options_.max_length; }
  bool wants_confirms() override {
    const bool refuses = options_.overflow != overflow_policy::drop_head && options_.max_length;
    return refuses || plain_model::wants_confirms();
  }

  void accepted(const message& one, bool confirm) override {
    const bool refused = std::find(f_.rejects.begin(), f_.rejects.end(), number_of(one)) != f_.rejects.end();
    if (refused && options_.overflow != overflow_policy::reject_publish_dlx)
      return;
    known_message& added = keep({number_of(one), one.has(message::persistent)}, confirm && !refused);
    seq_of_[added.number] = next_seq_;
    if (refused)
      return die(added);
    if (const auto ttl_ms = queueing::time_to_live_ms(one, options_))
      added.deadline_ms = queueing::deadline_after(f_.now_ms, *ttl_ms);
  }

  void die(known_message& one) { one.where = options_.dead_letter_exchange ? place::dead : place::gone; }
  void ends(entry& one, end how) override {
    plain_model::ends(one, how);
    if (how == end::rejected)
      die(one.second);
  }

  /// What comes back may make the queue too long: that goes before anybody gets it again.
  void came_back() override {
    if (!drops_head())
      return;
    uint64_t ready = count(place::ready);
    for (auto at = known_.begin(); ready > *options_.max_length; ++at)
      if (at->second.where == place::ready) {
        die(at->second);
        --ready;
      }
  }

  void passed_by(known_message& one) override {
    if (one.deadline_ms != 0 && one.deadline_ms < f_.now_ms)
      die(one);
  }

  void judge_more() override {
    end_heads();
    judge_requests();
  }

  /// What expires at the head, and what is beyond the length.
  void end_heads() {
    uint64_t ready = count(place::ready);
    for (auto& [seq, one] : known_) {
      if (one.where != place::ready)
        continue;
      const bool expired = one.deadline_ms != 0 && one.deadline_ms <= f_.stepped_ms;
      if (!expired && !(drops_head() && ready > *options_.max_length))
        break;
      die(one);
      --ready;
    }
  }

  /// A dead letter is sent once, and nothing else is.
  void judge_requests() {
    for (const auto& [to, request] : std::exchange(f_.requests, {})) {
      BOOST_REQUIRE_EQUAL(to, dead_letter_target);
      const auto& publish = std::get<publish_request>(request);
      for (const slice& part : publish.slices)
        for (uint32_t at = part.lo; at < part.hi; ++at) {
          const seqno seq = seq_of_.at(number_of(publish.batch->messages[at]));
          known_message& one = known_.at(seq);
          BOOST_REQUIRE(one.where == place::dead && !one.sent);
          one.sent = true;
          BOOST_REQUIRE(flying_.emplace(publish.batch->first_confirm + at, seq).second);
        }
    }
  }

  /// The target confirms dead letters, or refuses them: then they are lost, as at-most-once says.
  bool answer_more(bool all) override {
    while (!flying_.empty() && (all || random_.chance(3, 4))) {
      const auto one = flying_.extract(flying_.begin());
      known_.at(one.mapped()).where = place::gone;
      f_.answer(dead_letter_target, {one.key(), one.key() + 1}, random_.chance(1, 5));
      judge();
    }
    return !flying_.empty();
  }

  std::map<uint64_t, seqno> seq_of_;       ///< by number
  std::map<confirm_number, seqno> flying_; ///< dead letters that their target has
};

} // namespace
} // namespace model

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(any_sequence_of_operations_agrees_with_a_table_of_messages) {
  for (uint64_t seed = 1; seed <= sample::seeds(400); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      plain_model{seed}.run(300);
    }
  }
}

BOOST_AUTO_TEST_CASE(so_does_any_sequence_with_expiry_length_limits_and_dead_letters) {
  for (uint64_t seed = 1; seed <= sample::seeds(800); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      ending_model{seed}.run(300);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
