#include "queue_model.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>

namespace test {

namespace {

queue_settings settings(size_t memory_bytes, const bool* pressure) {
  queue_settings chosen;
  chosen.memory_bytes = memory_bytes;
  chosen.pace_bytes = memory_bytes / 2;
  chosen.memory_pressure = [pressure] { return *pressure; };
  return chosen;
}

} // namespace

queue_model::queue_model(uint64_t seed, size_t memory_bytes, const queue_options& options)
  : random_(seed), options_(options), f_(options, settings(memory_bytes, &pressure_)) {
  for (int at = 0; at < 3; ++at)
    channels_.push_back(f_.channel());
}

void queue_model::run(int steps) {
  for (int at = 0; at < steps; ++at) {
    before_step();
    one_step();
    judge();
    compare();
  }
  if (random_.chance(1, 5))
    end_by_deletion();
  else
    drain();
}

void queue_model::one_step() {
  switch (random_.below(16)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return publish();
  case 4:
    return consume();
  case 5:
    if (random_.chance(1, 3))
      cancel();
    return;
  case 6:
  case 7:
  case 8:
    return settle();
  case 9:
    return get();
  case 10:
    return answer_durable();
  case 11:
    return answer_paged();
  case 12:
  case 13:
    return answer_read();
  case 14:
    return f_.tick(f_.now_ms + 50);
  default:
    return rare();
  }
}

void queue_model::rare() {
  switch (random_.below(10)) {
  case 0:
    return lose_channel(random_.below(channels_.size()));
  case 1:
    return purge();
  case 2:
    f_.store.is_congested = random_.chance(1, 2);
    return;
  case 8:
  case 9:
    answer_more(false);
    return;
  default:
    return write_out();
  }
}

// -- what clients do --

void queue_model::publish() {
  const size_t count = batch_size();
  const batch_ref made = make_batch(count);
  const bool mixed = random_.chance(1, 3);
  const bool persistent = random_.chance(1, 2);
  for (message& one : made->messages)
    if (mixed ? random_.chance(1, 2) : persistent)
      one.flags |= message::persistent;
  made->first_confirm = number_of(made->messages[0]);
  made->hold(2); // one is the test's: a second release by the queue would credit too early
  publish_request request{made, {}, channels_[0], wants_confirms()};
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

queue_model::known_message& queue_model::keep(known_message fresh, bool confirm) {
  ++next_seq_;
  if (confirm)
    unconfirmed_.emplace(fresh.number, fresh.persistent ? next_seq_ : 0);
  return known_[next_seq_] = std::move(fresh);
}

void queue_model::consume() {
  if (consumers_.size() >= 4)
    return;
  const uint16_t prefetch = static_cast<uint16_t>(random_.below(3) == 0 ? 0 : 1 + random_.below(30));
  subscribe(f_.consumer_on(channels_[random_.below(3)], prefetch, random_.chance(1, 5),
                           static_cast<int32_t>(random_.below(2))));
}

void queue_model::subscribe(const consumer_ref& who) {
  consumers_.push_back(who);
  everyone_.push_back(who);
  subscribed(who);
  f_.send(consume_request{who});
}

void queue_model::cancel() {
  if (consumers_.empty())
    return;
  const size_t at = random_.below(consumers_.size());
  const consumer_ref leaving = consumers_[at];
  consumers_.erase(consumers_.begin() + static_cast<std::ptrdiff_t>(at));
  left();
  f_.send(cancel_request{leaving});
}

/// Of one consumer, or of what one channel fetched: all or some of what it has.
settle_request queue_model::some_settlement() {
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
  for (const auto& [seq, one] : known_) {
    if (one.where != place::unacked || one.by != by || !(all || random_.chance(1, 2)))
      continue;
    if (!request.seqs.empty() && request.seqs.back().last == seq)
      ++request.seqs.back().last;
    else
      request.seqs.push_back({seq, seq + 1});
  }
  return request;
}

void queue_model::settle() {
  settle_request request = some_settlement();
  using kind = settle_request::kind;
  for (const seq_range& range : request.seqs)
    for (auto at = known_.find(range.first); at != known_.end() && at->first < range.last; ++at) {
      if (request.what == kind::requeue)
        comes_back(*at);
      else
        ends(*at, request.what == kind::ack ? end::acknowledged : end::rejected);
    }
  came_back();
  f_.send(std::move(request));
}

void queue_model::get() {
  f_.send(get_request{channels_[1 + random_.below(2)], random_.chance(1, 3)});
}

void queue_model::lose_channel(size_t which) {
  const channel_ref lost = channels_[which];
  for (auto& one : known_) {
    const bool by_consumer = std::any_of(everyone_.begin(), everyone_.end(), [&](const consumer_ref& who) {
      return who.get() == one.second.by && who->channel == lost;
    });
    if (one.second.where == place::unacked && (one.second.by == lost.get() || by_consumer))
      comes_back(one);
  }
  came_back();
  std::erase_if(consumers_, [&](const consumer_ref& who) { return who->channel == lost; });
  left();
  f_.send(channel_gone{lost});
  channels_[which] = f_.channel();
}

void queue_model::comes_back(entry& one) {
  one.second.where = place::ready;
  one.second.redelivered = true;
}

void queue_model::purge() {
  for (auto& one : known_)
    if (one.second.where == place::ready)
      ends(one, end::purged);
  f_.send(purge_request{channels_[0]});
}

/// Sessions write what they were given.
void queue_model::write_out() {
  for (const consumer_ref& who : consumers_) {
    who->unwritten_bytes = 0;
    if (who->starved.exchange(false))
      f_.send(consumer_ready{who});
  }
}

// -- what the store does --

void queue_model::answer_durable(bool all) {
  const seqno gap = f_.store.durable_end > durable_ ? f_.store.durable_end - durable_ : 0;
  durable_ += all ? gap : random_.below(gap + 1);
  queue_step step;
  f_.queue->durable(durable_, f_.now_ms, step);
  f_.take(step);
}

void queue_model::answer_paged(bool all) {
  const seqno gap = f_.store.paged_end > paged_ ? f_.store.paged_end - paged_ : 0;
  paged_ += all ? gap : random_.below(gap + 1);
  queue_step step;
  f_.queue->paged(paged_, f_.now_ms, step);
  f_.take(step);
}

void queue_model::answer_read() {
  if (!f_.store.reads.empty())
    f_.read_done();
}

// -- judging --

void queue_model::judge() {
  std::vector<seqno> handed_out;
  judge_events(handed_out);
  judge_order(handed_out);
  judge_more();
  judge_confirms();
  f_.deliveries.clear();
  f_.events_seen.clear();
  last_of_step_.clear();
}

void queue_model::judge_events(std::vector<seqno>& handed_out) {
  for (const delivery& one : f_.deliveries) {
    const in_line line = place_in_line(one.seq, known_.at(one.seq));
    const auto last = last_of_step_.find(one.who);
    BOOST_REQUIRE(last == last_of_step_.end() || last->second < line);
    last_of_step_[one.who] = line;
    check_delivery(one);
    hand(one.seq, one.number, one.redelivered, one.who, one.who->no_ack, handed_out);
  }
  for (const auto& [to, event] : f_.events_seen) {
    if (const auto* pushed = std::get_if<broker::delivered>(&event))
      check_content(pushed->run);
    const auto* answer = std::get_if<got>(&event);
    if (!answer || !answer->run.batch)
      continue;
    check_content(answer->run);
    hand(answer->run.first, number_of(answer->run.batch->messages[answer->run.where.lo]), answer->redelivered, to.get(),
         answer->no_ack, handed_out);
  }
}

void queue_model::hand(seqno seq, uint64_t number, bool redelivered, const void* by, bool no_ack,
                       std::vector<seqno>& handed_out) {
  const auto at = known_.find(seq);
  BOOST_REQUIRE(at != known_.end());
  known_message& one = at->second;
  BOOST_REQUIRE(one.where == place::ready);
  BOOST_REQUIRE(one.deadline_ms == 0 || one.deadline_ms >= f_.now_ms);
  BOOST_REQUIRE_EQUAL(one.number, number);
  BOOST_REQUIRE_EQUAL(one.redelivered, redelivered);
  if (no_ack)
    ends(*at, end::acknowledged);
  else
    one.where = place::unacked;
  one.by = by;
  handed_out.push_back(seq);
}

/// Nothing that stayed ready may precede what was handed out.
void queue_model::judge_order(const std::vector<seqno>& handed_out) {
  if (handed_out.empty())
    return;
  in_line last{-256, 0};
  for (const seqno seq : handed_out)
    last = std::max(last, place_in_line(seq, known_.at(seq)));
  for (auto& [seq, one] : known_)
    if (one.where == place::ready && place_in_line(seq, one) < last) {
      passed_by(one);
      BOOST_REQUIRE(one.where != place::ready);
    }
}

void queue_model::judge_confirms() {
  for (const confirm_number number : f_.confirms) {
    const auto waiting = unconfirmed_.find(number);
    BOOST_REQUIRE(waiting != unconfirmed_.end());                  // twice, or never asked for
    BOOST_REQUIRE(waiting->second < std::max<seqno>(durable_, 1)); // before it was durable
    unconfirmed_.erase(waiting);
  }
  f_.confirms.clear();
}

uint64_t queue_model::count(place where) const {
  return static_cast<uint64_t>(
    std::count_if(known_.begin(), known_.end(), [&](const auto& one) { return one.second.where == where; }));
}

void queue_model::compare() {
  std::erase_if(known_, [](const auto& one) { return one.second.where == place::gone; });
  BOOST_REQUIRE_EQUAL(f_.queue->messages_ready(), count(place::ready));
  BOOST_REQUIRE_EQUAL(f_.queue->messages_unacked(), count(place::unacked));
  BOOST_REQUIRE_EQUAL(f_.queue->dead_letters(), count(place::dead));
  BOOST_REQUIRE_EQUAL(f_.queue->consumers(), consumers_.size());
  for (const consumer_ref& who : consumers_)
    if (!who->no_ack && who->prefetch != 0)
      BOOST_REQUIRE_LE(std::count_if(known_.begin(), known_.end(),
                                     [&](const auto& one) {
                                       return one.second.where == place::unacked && one.second.by == who.get();
                                     }),
                       who->prefetch);
}

void queue_model::answer_everything() {
  f_.store.is_congested = false;
  bool more = false;
  do {
    write_out();
    answer_durable(true);
    answer_paged(true);
    answer_read();
    judge();
    more = answer_more(true);
    judge();
  } while (more || !f_.store.reads.empty() || durable_ < f_.store.durable_end || paged_ < f_.store.paged_end);
  for (const uint64_t later_ms : {50, 1000}) {
    f_.tick(f_.now_ms + later_ms);
    judge();
  }
}

void queue_model::drain() {
  for (size_t at = 0; at < channels_.size(); ++at) {
    lose_channel(at);
    judge();
  }
  answer_everything();
  subscribe(f_.consumer_on(f_.channel(), 0, true));
  answer_everything();
  answer_everything(); // what expired late has become dead letters
  compare();
  BOOST_REQUIRE(known_.empty());
  BOOST_REQUIRE(unconfirmed_.empty());
  BOOST_REQUIRE(f_.store.live.empty());
  BOOST_REQUIRE(f_.queue->idle());
  judge_holds();
}

void queue_model::end_by_deletion() {
  durable_ = UINT64_MAX; // a deleted queue's publishes count as confirmed (features.md W67)
  f_.deleted();
  judge();
  BOOST_REQUIRE(unconfirmed_.empty());
  BOOST_REQUIRE(f_.queue->idle());
  judge_holds();
}

void queue_model::judge_holds() {
  BOOST_REQUIRE_EQUAL(f_.sink->times, 0); // twice by the queue
  for (const batch_ref& one : held_)
    one->release();
  BOOST_REQUIRE_EQUAL(f_.sink->times, static_cast<int>(held_.size())); // once by the queue
}

} // namespace test
