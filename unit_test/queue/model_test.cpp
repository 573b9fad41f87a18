// Random operation sequences against a naive model: a table of messages and who has them. Every event is checked
// against it, every invariant after each step; the store answers late, in parts, and with tiny budgets almost
// everything is paged.

#include <algorithm>
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "base/random.hpp"
#include "fake_metadata.hpp"
#include "fixture.hpp"
#include "queue/expiry.hpp"

using namespace test;

namespace {

enum class place { ready, unacked, dead, gone };

constexpr queue_id dead_letter_target = 20;

struct known_message {
  uint64_t number = 0;
  bool persistent = false;
  bool redelivered = false;
  place where = place::ready;
  const void* by = nullptr; ///< consumer, or channel of a get
  uint64_t deadline_ms = 0;
  bool sent = false; ///< as a dead letter
};

/// TTL, length and overflow, dead letters: each or none.
queue_options random_options(random_source& random) {
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

class model_run {
public:
  model_run(uint64_t seed, size_t memory_bytes, bool with_options = false)
    : random_(seed), with_options_(with_options), options_(with_options ? random_options(random_) : queue_options{}),
      f_(options_, nullptr, settings(memory_bytes, &pressure_)) {
    auto known = std::make_shared<fake_metadata>();
    known->bind("dlx", "#", dead_letter_target, "dead");
    f_.metadata = known;
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
    if (with_options_ && random_.chance(1, 3)) // timers may be late
      f_.now_ms += random_.below(40);
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
      f_.tick(f_.now_ms += 50);
      break;
    default:
      rare();
      break;
    }
    judge();
  }

  void rare() {
    switch (random_.below(10)) {
    case 8:
    case 9:
      answer_dead();
      break;
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
    const size_t count = 1 + random_.below(!with_options_ && random_.chance(1, 4) ? 200 : 5);
    batch_ref made =
      with_options_ ? expiring_batch(count) : f_.batch(count, false, static_cast<uint32_t>(16 + random_.below(100)));
    const bool mixed = random_.chance(1, 3);
    const bool persistent = random_.chance(1, 2);
    for (message& one : made->messages)
      one.flags = static_cast<uint16_t>((one.flags & ~message::persistent)
                                        | ((mixed ? random_.chance(1, 2) : persistent) ? message::persistent : 0));
    const confirm_number first = number_of(made->messages[0]);
    made->first_confirm = first;
    made->hold(2); // one is the test's: a second release by the queue would credit too early
    publish_request request{made, {}, channels_[0], refuses() || random_.chance(2, 3)};
    for (uint32_t lo = 0; lo < count;) { // some messages are routed elsewhere
      const auto hi = static_cast<uint32_t>(std::min<size_t>(count, lo + 1 + random_.below(50)));
      request.slices.push_back({lo, hi});
      lo = hi + static_cast<uint32_t>(random_.below(3));
    }
    held_.push_back(made);
    const auto slices = request.slices;
    const bool confirm = request.confirm;
    f_.send(std::move(request));
    for (const slice& part : slices)
      for (uint32_t at = part.lo; at < part.hi; ++at)
        accepted(made->messages[at], confirm);
    f_.rejects.clear();
  }

  bool refuses() const { return options_.overflow != overflow_policy::drop_head && options_.max_length; }

  /// Each message with its own expiration, or none.
  batch_ref expiring_batch(size_t count) {
    auto made = make_ref<publish_batch>();
    const char* const choices[] = {"", "", "0", "40", "100"};
    for (size_t at = 0; at < count; ++at) {
      amqp::properties properties;
      if (const std::string chosen = choices[random_.below(std::size(choices))]; !chosen.empty())
        properties.expiration = chosen;
      const batch_ref one = f_.real_batch(1, properties);
      made->messages.push_back(one->messages[0]);
      made->blocks.push_back(one->blocks[0]);
      made->bytes += one->bytes;
    }
    made->credit_to = f_.sink;
    return made;
  }

  void accepted(const message& one, bool confirm) {
    const bool refused = std::find(f_.rejects.begin(), f_.rejects.end(), number_of(one)) != f_.rejects.end();
    if (refused && options_.overflow != overflow_policy::reject_publish_dlx)
      return;
    known_message& added = known_[++next_seq_];
    added.number = number_of(one);
    added.persistent = one.has(message::persistent);
    seq_of_[added.number] = next_seq_;
    if (refused)
      return die(added);
    if (const auto ttl_ms = queueing::time_to_live_ms(one, options_))
      added.deadline_ms = queueing::deadline_after(f_.now_ms, *ttl_ms);
    if (confirm)
      unconfirmed_.emplace(number_of(one), one.has(message::persistent) ? next_seq_ : 0);
  }

  void consume() {
    if (consumers_.size() >= 4)
      return;
    const uint16_t prefetch = static_cast<uint16_t>(random_.below(3) == 0 ? 0 : 1 + random_.below(30));
    auto who = f_.consumer_on(channels_[random_.below(3)], prefetch, random_.chance(1, 5),
                              static_cast<int32_t>(random_.below(2)));
    consumers_.push_back(who);
    everyone_.push_back(who);
    f_.send(consume_request{who});
  }

  void cancel() {
    if (consumers_.empty())
      return;
    const size_t at = random_.below(consumers_.size());
    f_.send(cancel_request{consumers_[at]});
    consumers_.erase(consumers_.begin() + static_cast<std::ptrdiff_t>(at));
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
      one.where = request.what == settle_request::kind::requeue ? place::ready : place::gone;
      if (request.what == settle_request::kind::reject)
        die(one);
      one.redelivered = true;
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
      if (one.where == place::unacked && (one.by == lost.get() || by_consumer)) {
        one.where = place::ready;
        one.redelivered = true;
      }
    }
    std::erase_if(consumers_, [&](const consumer_ref& who) { return who->channel == lost; });
    f_.send(channel_gone{lost});
    channels_[which] = f_.channel();
  }

  void purge() {
    for (auto& [seq, one] : known_)
      if (one.where == place::ready)
        one.where = place::gone;
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
  /// The target confirms dead letters, or refuses them: then they are lost, as at-most-once says.
  void answer_dead(bool all = false) {
    while (!flying_.empty() && (all || random_.chance(3, 4))) {
      const auto one = flying_.extract(flying_.begin());
      known_.at(one.mapped()).where = place::gone;
      f_.answer(dead_letter_target, {one.key(), one.key() + 1}, random_.chance(1, 5));
      judge();
    }
  }
  void answer_read() {
    if (!f_.store.reads.empty())
      f_.read_done();
  }

  // -- judging --

  void judge() {
    std::vector<seqno> handed_out;
    for (const delivery& one : f_.deliveries) {
      const auto last = last_of_step_.find(one.who);
      BOOST_REQUIRE(last == last_of_step_.end() || last->second < one.seq);
      last_of_step_[one.who] = one.seq;
      hand(one.seq, one.number, one.redelivered, one.who, one.who->no_ack, handed_out);
    }
    for (const auto& [to, event] : f_.events_seen) {
      if (const auto* answer = std::get_if<got>(&event)) {
        if (answer->run.batch)
          hand(answer->run.first, number_of(answer->run.batch->messages[answer->run.where.lo]), answer->redelivered,
               to.get(), answer->no_ack, handed_out);
      }
    }
    judge_order(handed_out);
    end_heads();
    judge_requests();
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
    BOOST_REQUIRE(one.deadline_ms == 0 || one.deadline_ms >= f_.now_ms);
    BOOST_REQUIRE_EQUAL(one.number, number);
    BOOST_REQUIRE_EQUAL(one.redelivered, redelivered);
    one.where = no_ack ? place::gone : place::unacked;
    one.by = by;
    handed_out.push_back(seq);
  }

  void die(known_message& one) { one.where = options_.dead_letter_exchange ? place::dead : place::gone; }

  /// What expires at the head, and what is beyond the length.
  void end_heads() {
    uint64_t ready = 0;
    for (const auto& [seq, one] : known_)
      ready += one.where == place::ready;
    for (auto& [seq, one] : known_) {
      if (one.where != place::ready)
        continue;
      const bool expired = one.deadline_ms != 0 && one.deadline_ms <= f_.stepped_ms;
      const bool beyond =
        options_.overflow == overflow_policy::drop_head && options_.max_length && ready > *options_.max_length;
      if (!expired && !beyond)
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

  /// Nothing that stayed ready may precede what was handed out, but what had expired then.
  void judge_order(const std::vector<seqno>& handed_out) {
    if (handed_out.empty())
      return;
    const seqno last = *std::max_element(handed_out.begin(), handed_out.end());
    for (auto& [seq, one] : known_) {
      if (seq >= last)
        break;
      if (one.where == place::ready && one.deadline_ms != 0 && one.deadline_ms < f_.now_ms)
        die(one);
      BOOST_REQUIRE(one.where != place::ready);
    }
  }

  void compare() {
    uint64_t ready = 0;
    uint64_t unacked = 0;
    uint64_t dead = 0;
    for (auto at = known_.begin(); at != known_.end();) {
      ready += at->second.where == place::ready;
      unacked += at->second.where == place::unacked;
      dead += at->second.where == place::dead;
      at = at->second.where == place::gone ? known_.erase(at) : std::next(at);
    }
    BOOST_REQUIRE_EQUAL(f_.queue->messages_ready(), ready);
    BOOST_REQUIRE_EQUAL(f_.queue->messages_unacked(), unacked);
    BOOST_REQUIRE_EQUAL(f_.queue->dead_letters(), dead);
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
      answer_dead(true);
      judge();
    } while (!f_.store.reads.empty() || !flying_.empty() || durable_ < f_.store.durable_end
             || paged_ < f_.store.paged_end);
    f_.tick(f_.now_ms += 50);
    judge();
    f_.tick(f_.now_ms += 1000);
    judge();
  }

  void drain() {
    for (size_t at = 0; at < channels_.size(); ++at) {
      lose_channel(at);
      judge();
    }
    answer_everything();
    auto last = f_.consumer_on(f_.channel(), 0, true);
    consumers_.push_back(last);
    f_.send(consume_request{last});
    answer_everything();
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
  const bool with_options_;
  const queue_options options_;
  fixture f_;
  std::vector<channel_ref> channels_;
  std::vector<consumer_ref> consumers_; ///< consuming
  std::vector<consumer_ref> everyone_;  ///< that ever was: may hold unacked messages
  std::vector<batch_ref> held_;
  std::map<seqno, known_message> known_;
  std::map<confirm_number, seqno> unconfirmed_; ///< to the seqno that must be durable first, 0 = none
  std::map<const void*, seqno> last_of_step_;
  seqno next_seq_ = 0;
  seqno durable_ = 0;
  seqno paged_ = 0;
  std::map<uint64_t, seqno> seq_of_;       ///< by number
  std::map<confirm_number, seqno> flying_; ///< dead letters that their target has
};

} // namespace

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(any_sequence_of_operations_agrees_with_a_table_of_messages) {
  const size_t budgets[] = {500, 5'000, 50'000, limits::queue_memory_bytes};
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      model_run{seed, budgets[seed % 4]}.run(300);
    }
  }
}

BOOST_AUTO_TEST_CASE(so_does_any_sequence_with_expiry_length_limits_and_dead_letters) {
  const size_t budgets[] = {500, 5'000, 50'000, limits::queue_memory_bytes};
  for (uint64_t seed = 1; seed <= 800; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      model_run{seed, budgets[seed % 4], true}.run(300);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
