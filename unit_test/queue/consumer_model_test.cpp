// As model_test, for what decides who gets which message: priorities, single active consumer, delivery counts and
// limits, de-duplication, each and all together.

#include <algorithm>
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "base/random.hpp"
#include "with_options.hpp"

using namespace test;

namespace {

enum class place { ready, unacked, gone };

struct known_message {
  uint64_t number = 0;
  bool persistent = false;
  bool redelivered = false;
  place where = place::ready;
  const void* by = nullptr; ///< consumer, or channel of a get
  uint8_t priority = 0;
  uint32_t returns = 0; ///< counted by quorum queues
  std::string key{};    ///< for de-duplication, "" = none
};

/// Messages go out in this order.
std::pair<int, seqno> place_in_line(seqno seq, const known_message& one) {
  return {-one.priority, seq};
}

class model_run {
public:
  model_run(uint64_t seed, size_t memory_bytes, const queue_options& options)
    : random_(seed), options_(options), f_(options, settings(memory_bytes, &pressure_)) {
    for (int at = 0; at < 3; ++at)
      channels_.push_back(f_.channel());
  }

  size_t times_read() const { return f_.store.times_read; }

  void run(int steps) {
    for (int at = 0; at < steps; ++at) {
      one_step();
      compare();
    }
    if (random_.chance(1, 5))
      end_by_deletion();
    else
      drain();
  }

private:
  static queue_settings settings(size_t memory_bytes, const bool* pressure) {
    queue_settings chosen;
    chosen.memory_bytes = memory_bytes;
    chosen.pace_bytes = memory_bytes / 2;
    chosen.memory_pressure = [pressure] { return *pressure; };
    return chosen;
  }

  void one_step() {
    switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      publish();
      break;
    case 4:
      consume();
      break;
    case 5:
      if (random_.chance(1, 3))
        cancel();
      break;
    case 6:
    case 7:
    case 8:
      settle();
      break;
    case 9:
      get();
      break;
    case 10:
      answer_durable();
      break;
    case 11:
      answer_paged();
      break;
    case 12:
    case 13:
      answer_read();
      break;
    case 14:
      f_.tick(f_.now_ms + 50);
      break;
    default:
      rare();
      break;
    }
    judge();
  }

  void rare() {
    switch (random_.below(8)) {
    case 0:
      lose_channel(random_.below(channels_.size()));
      break;
    case 1:
      purge();
      break;
    case 2:
      f_.store.is_congested = random_.chance(1, 2);
      break;
    default:
      write_out();
      break;
    }
  }

  // -- what clients do --

  void publish() {
    const size_t count = 1 + random_.below(random_.chance(1, 4) ? 200 : 5);
    batch_ref made = f_.batch_of(some_properties(count));
    const bool mixed = random_.chance(1, 3);
    const bool persistent = random_.chance(1, 2);
    for (message& one : made->messages)
      if (mixed ? random_.chance(1, 2) : persistent)
        one.flags |= message::persistent;
    const confirm_number first = number_of(made->messages[0]);
    made->first_confirm = first;
    made->hold(2); // one is the test's: a second release by the queue would credit too early
    publish_request request{made, {}, channels_[0], random_.chance(2, 3)};
    for (uint32_t lo = 0; lo < count;) { // some messages are routed elsewhere
      const auto hi = static_cast<uint32_t>(std::min<size_t>(count, lo + 1 + random_.below(50)));
      request.slices.push_back({lo, hi});
      for (uint32_t at = lo; at < hi; ++at)
        accepted(made->messages[at], request.confirm);
      lo = hi + static_cast<uint32_t>(random_.below(3));
    }
    held_.push_back(std::move(made));
    f_.send(std::move(request));
  }

  std::vector<amqp::properties> some_properties(size_t count) {
    std::vector<amqp::properties> all(count);
    for (amqp::properties& one : all) {
      if (random_.chance(1, 2))
        one.priority = static_cast<uint8_t>(random_.below(12));
      if (random_.chance(1, 3))
        (one.headers ? *one.headers : one.headers.emplace())
          .set("x-deduplication-header", amqp::field_value{static_cast<int64_t>(random_.below(200))});
    }
    return all;
  }

  void accepted(const message& one, bool confirm) {
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
    ++next_seq_;
    if (!fresh.key.empty())
      keys_[fresh.key] = {next_seq_, next_key_++, true};
    if (confirm)
      unconfirmed_.emplace(fresh.number, fresh.persistent ? next_seq_ : 0);
    known_[next_seq_] = std::move(fresh);
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

  /// A message ends: acknowledged, or in another way.
  void ends(seqno seq, known_message& one, bool acknowledged) {
    one.where = place::gone;
    const auto seen = keys_.find(one.key);
    if (seen == keys_.end() || seen->second.at != seq)
      return;
    if (acknowledged)
      seen->second.in_queue = false;
    else
      keys_.erase(seen);
  }

  void comes_back(seqno seq, known_message& one) {
    one.where = place::ready;
    one.redelivered = true;
    if (options_.type != queue_type::quorum)
      return;
    ++one.returns;
    if (options_.delivery_limit && one.returns > *options_.delivery_limit)
      ends(seq, one, false);
  }

  void subscribe(const consumer_ref& who) {
    consumers_.push_back(who);
    everyone_.push_back(who);
    if (!active_)
      active_ = who;
    f_.send(consume_request{who});
  }

  /// Who is active now that some have left.
  void choose_active() {
    if (std::find(consumers_.begin(), consumers_.end(), active_) != consumers_.end())
      return;
    active_ = nullptr;
    for (const consumer_ref& one : consumers_)
      if (!active_ || (options_.type == queue_type::classic && one->priority > active_->priority))
        active_ = one;
  }

  void consume() {
    if (consumers_.size() >= 4)
      return;
    const uint16_t prefetch = static_cast<uint16_t>(random_.below(3) == 0 ? 0 : 1 + random_.below(30));
    auto who = f_.consumer_on(channels_[random_.below(3)], prefetch, random_.chance(1, 5),
                              static_cast<int32_t>(random_.below(2)));
    subscribe(who);
  }

  void cancel() {
    if (consumers_.empty())
      return;
    const size_t at = random_.below(consumers_.size());
    const consumer_ref leaving = consumers_[at];
    consumers_.erase(consumers_.begin() + static_cast<std::ptrdiff_t>(at));
    choose_active();
    f_.send(cancel_request{leaving});
  }

  void settle() {
    if (everyone_.empty() && known_.empty())
      return;
    settle_request request;
    const size_t pick = random_.below(everyone_.size() + channels_.size());
    if (pick < everyone_.size()) {
      request.by = everyone_[pick];
      request.channel = request.by->channel;
    } else {
      request.channel = channels_[pick - everyone_.size()];
    }
    const void* by = request.by ? static_cast<const void*>(request.by.get()) : request.channel.get();
    request.what = static_cast<settle_request::kind>(random_.below(3));
    const bool all = random_.chance(1, 2);
    for (auto& [seq, one] : known_) {
      if (one.where != place::unacked || one.by != by || !(all || random_.chance(1, 2)))
        continue;
      if (!request.seqs.empty() && request.seqs.back().last == seq)
        ++request.seqs.back().last;
      else
        request.seqs.push_back({seq, seq + 1});
      if (request.what == settle_request::kind::requeue)
        comes_back(seq, one);
      else
        ends(seq, one, request.what == settle_request::kind::ack);
    }
    f_.send(std::move(request));
  }

  void get() { f_.send(get_request{channels_[1 + random_.below(2)], random_.chance(1, 3)}); }

  void lose_channel(size_t which) {
    const channel_ref lost = channels_[which];
    for (auto& [seq, one] : known_) {
      const bool by_consumer = std::any_of(everyone_.begin(), everyone_.end(), [&](const consumer_ref& who) {
        return who.get() == one.by && who->channel == lost;
      });
      if (one.where == place::unacked && (one.by == lost.get() || by_consumer))
        comes_back(seq, one);
    }
    std::erase_if(consumers_, [&](const consumer_ref& who) { return who->channel == lost; });
    choose_active();
    f_.send(channel_gone{lost});
    channels_[which] = f_.channel();
  }

  void purge() {
    for (auto& [seq, one] : known_)
      if (one.where == place::ready)
        ends(seq, one, false);
    f_.send(purge_request{channels_[0]});
  }

  /// Sessions write what they were given.
  void write_out() {
    for (const consumer_ref& who : consumers_) {
      who->unwritten_bytes = 0;
      if (who->starved.exchange(false))
        f_.send(consumer_ready{who});
    }
  }

  // -- what the store does --

  void answer_durable(bool all = false) {
    const seqno gap = f_.store.durable_end > durable_ ? f_.store.durable_end - durable_ : 0;
    durable_ += all ? gap : random_.below(gap + 1);
    queue_step step;
    f_.queue->durable(durable_, f_.now_ms, step);
    f_.take(step);
  }
  void answer_paged(bool all = false) {
    const seqno gap = f_.store.paged_end > paged_ ? f_.store.paged_end - paged_ : 0;
    paged_ += all ? gap : random_.below(gap + 1);
    queue_step step;
    f_.queue->paged(paged_, f_.now_ms, step);
    f_.take(step);
  }
  void answer_read() {
    if (!f_.store.reads.empty())
      f_.read_done();
  }

  // -- judging --

  void judge() {
    std::vector<seqno> handed_out;
    for (const delivery& one : f_.deliveries) {
      const auto line = place_in_line(one.seq, known_.at(one.seq));
      const auto last = last_of_step_.find(one.who);
      BOOST_REQUIRE(last == last_of_step_.end() || last->second < line);
      last_of_step_[one.who] = line;
      BOOST_REQUIRE(!options_.single_active_consumer || one.who == active_.get());
      hand(one.seq, one.number, one.redelivered, one.who, one.who->no_ack, handed_out);
    }
    for (const auto& [to, event] : f_.events_seen) {
      if (const auto* pushed = std::get_if<broker::delivered>(&event))
        judge_counts(pushed->run);
      if (const auto* answer = std::get_if<got>(&event)) {
        judge_counts(answer->run);
        if (answer->run.batch)
          hand(answer->run.first, number_of(answer->run.batch->messages[answer->run.where.lo]), answer->redelivered,
               to.get(), answer->no_ack, handed_out);
      }
    }
    judge_order(handed_out);
    for (const confirm_number number : f_.confirms) {
      const auto waiting = unconfirmed_.find(number);
      BOOST_REQUIRE(waiting != unconfirmed_.end());                  // twice, or never asked for
      BOOST_REQUIRE(waiting->second < std::max<seqno>(durable_, 1)); // before it was durable
      unconfirmed_.erase(waiting);
    }
    f_.deliveries.clear();
    f_.events_seen.clear();
    f_.confirms.clear();
    last_of_step_.clear();
  }

  void hand(seqno seq, uint64_t number, bool redelivered, const void* by, bool no_ack, std::vector<seqno>& handed_out) {
    known_message& one = known_.at(seq);
    BOOST_REQUIRE(one.where == place::ready);
    BOOST_REQUIRE_EQUAL(one.number, number);
    BOOST_REQUIRE_EQUAL(one.redelivered, redelivered);
    if (no_ack)
      ends(seq, one, true);
    else
      one.where = place::unacked;
    one.by = by;
    handed_out.push_back(seq);
  }

  /// Nothing that stayed ready may precede what was handed out.
  void judge_order(const std::vector<seqno>& handed_out) {
    if (handed_out.empty())
      return;
    std::pair<int, seqno> last{-256, 0};
    for (const seqno seq : handed_out)
      last = std::max(last, place_in_line(seq, known_.at(seq)));
    for (const auto& [seq, one] : known_)
      BOOST_REQUIRE(one.where != place::ready || place_in_line(seq, one) > last);
  }

  /// A quorum queue says how often a message has come back.
  void judge_counts(const stored_run& run) {
    if (options_.type != queue_type::quorum || !run.batch)
      return;
    for (uint32_t at = run.where.lo; at < run.where.hi; ++at) {
      const auto properties = amqp::decode_properties(run.batch->messages[at].property_bytes());
      const auto* count = properties->headers ? properties->headers->find("x-delivery-count") : nullptr;
      int64_t told = 0;
      BOOST_REQUIRE(!count || (count->as_integer(told) && told > 0));
      BOOST_REQUIRE_EQUAL(told, known_.at(run.first + at - run.where.lo).returns);
    }
  }

  void compare() {
    uint64_t ready = 0;
    uint64_t unacked = 0;
    for (auto at = known_.begin(); at != known_.end();) {
      ready += at->second.where == place::ready;
      unacked += at->second.where == place::unacked;
      at = at->second.where == place::gone ? known_.erase(at) : std::next(at);
    }
    BOOST_REQUIRE_EQUAL(f_.queue->messages_ready(), ready);
    BOOST_REQUIRE_EQUAL(f_.queue->messages_unacked(), unacked);
    BOOST_REQUIRE_EQUAL(f_.queue->consumers(), consumers_.size());
    for (const consumer_ref& who : consumers_)
      if (!who->no_ack && who->prefetch != 0)
        BOOST_REQUIRE_LE(std::count_if(known_.begin(), known_.end(),
                                       [&](const auto& one) {
                                         return one.second.where == place::unacked && one.second.by == who.get();
                                       }),
                         who->prefetch);
  }

  void answer_everything() {
    f_.store.is_congested = false;
    do {
      write_out();
      answer_durable(true);
      answer_paged(true);
      answer_read();
      judge();
    } while (!f_.store.reads.empty() || durable_ < f_.store.durable_end || paged_ < f_.store.paged_end);
    f_.tick(f_.now_ms + 50);
    f_.tick(f_.now_ms + 1000);
    judge();
  }

  void drain() {
    for (size_t at = 0; at < channels_.size(); ++at) {
      lose_channel(at);
      judge();
    }
    answer_everything();
    auto last = f_.consumer_on(f_.channel(), 0, true);
    subscribe(last);
    answer_everything();
    compare();
    BOOST_REQUIRE(known_.empty());
    BOOST_REQUIRE(unconfirmed_.empty());
    BOOST_REQUIRE(f_.store.live.empty());
    BOOST_REQUIRE(f_.queue->idle());
    judge_holds();
  }

  void end_by_deletion() {
    durable_ = UINT64_MAX; // a deleted queue's publishes count as confirmed (features.md W67)
    f_.deleted();
    judge();
    BOOST_REQUIRE(unconfirmed_.empty());
    BOOST_REQUIRE(f_.queue->idle());
    judge_holds();
  }

  void judge_holds() {
    BOOST_REQUIRE_EQUAL(f_.sink->times, 0); // twice by the queue
    for (const batch_ref& one : held_)
      one->release();
    BOOST_REQUIRE_EQUAL(f_.sink->times, static_cast<int>(held_.size())); // once by the queue
  }

  random_source random_;
  bool pressure_ = false;
  const queue_options options_;
  fixture_with f_;
  std::vector<channel_ref> channels_;
  std::vector<consumer_ref> consumers_; ///< consuming
  std::vector<consumer_ref> everyone_;  ///< that ever was: may hold unacked messages
  std::vector<batch_ref> held_;
  std::map<seqno, known_message> known_;
  std::map<confirm_number, seqno> unconfirmed_; ///< to the seqno that must be durable first, 0 = none
  struct seen_key {
    seqno at = 0;
    uint64_t number = 0;
    bool in_queue = true;
  };
  std::map<std::string, seen_key> keys_; ///< latest message of each
  uint64_t next_key_ = 1;
  consumer_ref active_;
  std::map<const void*, std::pair<int, seqno>> last_of_step_;
  seqno next_seq_ = 0;
  seqno durable_ = 0;
  seqno paged_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(consumer_model)

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
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      BOOST_TEST_CONTEXT("seed " << seed << (one.max_priority ? " priorities" : "")
                                 << (one.single_active_consumer ? " single active" : "")
                                 << (one.type == queue_type::quorum ? " quorum" : "")
                                 << (one.deduplicate ? " deduplicating" : "")) {
        model_run{seed, budgets[seed % 3], one}.run(300);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
