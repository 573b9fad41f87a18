// The ledger's checks of one delivery: the way a dead letter came, its times, its place in the order, and that it comes
// for the first time only once.
#include <algorithm>
#include <utility>

#include "ledger.hpp"

namespace broker::sim {

namespace {

/// From the queue's hand to a client that reads; and how much a simulated clock in milliseconds may cut off.
constexpr sim_ns hand_over = 1 * second;
constexpr sim_ns clock_grain = 2 * ms;
/// In a cluster, clocks run up to one in this many too fast or too slow.
constexpr uint64_t drift = 50;

/// What a calendar that is off by so much says then.
uint64_t wall_s(sim_ns at, int64_t offset_ms) {
  return (wall_start_ms + at / ms + static_cast<uint64_t>(offset_ms)) / 1000;
}

/// A letter that is sent again says another time. What goes in a circle keeps the time of the first round.
bool is_another(const deaths_seen& letter, std::set<std::vector<uint64_t>>& came) {
  std::vector<uint64_t> died;
  for (const auto& death : letter.all)
    died.push_back(death.time_s);
  return came.insert(std::move(died)).second || letter.total != letter.all.size();
}

} // namespace

uint8_t ledger::priority_in(uint32_t queue, const record& what) const {
  return std::min(what.what.priority, queues_[queue].options.max_priority);
}

void ledger::delivered(uint64_t who, message_id id, const delivery& what) {
  auto* found = find(id, "delivery of");
  if (!found)
    return;
  ++delivered_;
  if (found->delivered)
    ++duplicates_;
  auto& reader = consumers_[who];
  if (found->withdrawn)
    violation("C2: rolled back " + message_text(id) + " delivered");
  if (found->what.queue == queue_none)
    return violation("C2: unroutable " + message_text(id) + " delivered");
  std::string problem;
  const auto deaths = read_deaths(what.properties, problem);
  if (!problem.empty())
    violation("W52: " + message_text(id) + ": " + problem);
  check_way(id, *found, reader.queue, deaths, what.properties);
  check_times(id, *found, deaths, what, reader.queue);
  check_once(id, *found, reader, deaths, what.redelivered);
  check_order(id, *found, reader, deaths, what);
  check_active(who, reader);
  found->delivered = true;
}

/// From the queue it was published to, through every queue that it names, to here.
void ledger::check_way(message_id id, const record& what, uint32_t queue, const deaths_seen& deaths,
                       const amqp::properties& properties) {
  const auto& sent = what.what;
  const auto complain = [&](const std::string& text) {
    violation("C2: " + message_text(id) + " delivered from " + queues_[queue].name + ", published to "
              + queues_[sent.queue].name + text);
  };
  if (deaths.all.empty()) {
    if (sent.queue != queue)
      complain("");
    if (what.nacked && !may_be_there(what))
      complain(", which refused it");
    if (what.returned)
      complain(", and was returned");
    if (properties.expiration.has_value() != sent.expiration_ms.has_value())
      complain(": its expiration property is not as published");
    return;
  }
  const auto way = queues_.chain(sent.queue);
  const auto last = queues_.index_of(deaths.all.front().queue);
  if (!last || queues_[*last].dead_letters_to != queue)
    complain(": its last death was in '" + deaths.all.front().queue + "'");
  if (properties.expiration)
    complain(": a dead letter has an expiration");
  for (const auto& death : deaths.all)
    check_death(id, what, death);
  if (queues_[way.back()].dead_letters_to)
    return; // a circle: how often it went round only the counts tell
  const auto hops = deaths.all.size();
  bool straight = deaths.total == hops && hops < way.size() && way[hops] == queue;
  for (size_t hop = 0; straight && hop < hops; ++hop)
    straight = deaths.all[hops - 1 - hop].queue == queues_[way[hop]].name;
  if (!straight)
    complain(": x-death tells of another way");
  const auto& first = deaths.all.back();
  if (what.nacked && first.reason != "maxlen" && !may_be_there(what))
    complain(", which refused it");
  if (first.original_expiration.has_value() != sent.expiration_ms.has_value())
    complain(": original-expiration is not as published");
}

/// What is said of one death could have happened there.
void ledger::check_death(message_id id, const record& what, const death_seen& death) {
  const auto complain = [&](const std::string& text) {
    violation("W52: " + message_text(id) + " died in '" + death.queue + "' of '" + death.reason + "', " + text);
  };
  const auto index = queues_.index_of(death.queue);
  if (!index)
    return complain("a queue that does not exist");
  const auto& queue = queues_[*index];
  const bool entry = *index == what.what.queue;
  bool possible = false;
  if (death.reason == "expired")
    possible = queue.options.message_ttl_ms || (entry && what.what.expiration_ms);
  else if (death.reason == "maxlen")
    possible = queue.limited() && queue.options.overflow != overflow_policy::reject_publish;
  else if (death.reason == "rejected")
    possible = (what.rejected_in >> *index & 1) != 0;
  else if (death.reason == "delivery_limit")
    possible = queue.options.delivery_limit.has_value();
  markers_.insert("dead-" + death.reason);
  if (!possible)
    complain("which cannot be");
  // By the calendar of the queue's node.
  const bool there = std::any_of(calendars_.begin(), calendars_.end(), [&](const calendar& one) {
    const sim_ns from = std::max(what.sent, one.from), until = std::min(time_.now(), one.until);
    return from <= until && death.time_s >= wall_s(from, one.offset_ms) && death.time_s <= wall_s(until, one.offset_ms);
  });
  if (!there)
    complain("at a time when it was not there");
  const bool once = !queues_.in_cycle(*index); // else it may have come round, and been refused then
  if (death.reason == "maxlen" && entry && once && queue.refuses() && what.confirmed && what.what.delay_ms == 0)
    complain("but was confirmed");
}

/// Neither before its delay nor dead before its time, nor handed out after it.
void ledger::check_times(message_id id, const record& what, const deaths_seen& deaths, const delivery& how,
                         uint32_t queue) {
  const auto& sent = what.what;
  const auto ttl_in = [&](uint32_t index) {
    auto ttl = queues_[index].options.message_ttl_ms;
    if (index == sent.queue && sent.expiration_ms)
      ttl = std::min(ttl.value_or(UINT64_MAX), *sent.expiration_ms);
    return ttl;
  };
  sim_ns earliest = what.sent + sent.delay_ms * ms;
  if (deaths.total == deaths.all.size())
    for (const auto& death : deaths.all)
      if (const auto index = queues_.index_of(death.queue); index && death.reason == "expired")
        earliest += ttl_in(*index).value_or(0) * ms;
  if (disturbed_)
    earliest -= (earliest - what.sent) / drift; // the clock that counted runs too fast
  if (time_.now() + clock_grain < earliest)
    violation((sent.delay_ms != 0 ? "delay: " : "TTL: ") + message_text(id) + " came to " + queues_[queue].name + " "
              + std::to_string((earliest - time_.now()) / ms) + " ms too early");
  if (sent.delay_ms != 0) {
    markers_.insert("delayed");
    return; // when it came into its queue is not known
  }
  const auto ttl = ttl_in(queue);
  if (!deaths.all.empty() || !ttl || what.accepted == 0 || !how.prompt)
    return;
  const sim_ns rounding = *ttl / (disturbed_ ? drift : 4096) * ms; // queue/expiry.hpp; clocks drift apart
  if (time_.now() > what.accepted + *ttl * ms + rounding + hand_over)
    violation("TTL: " + message_text(id) + " was handed out " + std::to_string((time_.now() - what.accepted) / ms)
              + " ms after it was confirmed, its time to live in " + queues_[queue].name + " is " + std::to_string(*ttl)
              + " ms");
}

/// Without a crash since it was published a message is in one place: it comes to each queue for the first time once,
/// and nowhere any more after it was settled. (After a crash a settled message, or both the dead letter and what it
/// was made of, may come back.) When nothing is wrong any more, and copies agree, whoever begins to consume gets each
/// message that is there once, whatever has happened before: else it is stored twice. (Dead letters may be: a master
/// that goes while one is on its way has a successor that sends it again.) A node that stood still hands out what it
/// had got before, though its sessions are over and the message has come to others since, flagged redelivered. Masters
/// move also when nothing is wrong: see handed_out_again. A dead letter whose confirm went with a session between two
/// nodes is sent again (across-nodes.md), and says then that it died later. What a consumer of another node has when
/// the session with the queue's node ends, the queue takes back, also if that consumer has acked it since, or has not
/// got it yet: it may die there, and its letter be the first that anybody else sees of it.
void ledger::check_once(message_id id, record& what, const consumer& who, const deaths_seen& deaths, bool redelivered) {
  const uint32_t queue = who.queue;
  auto here = std::find_if(what.visits.begin(), what.visits.end(),
                           [&](const visit& one) { return one.queue == queue && one.deaths == deaths.total; });
  if (here == what.visits.end())
    here = what.visits.insert(here, {queue, deaths.total});
  ++here->deliveries;
  here->firsts += redelivered ? 0 : 1;
  const uint64_t letters = letters_at_most(what, deaths);
  const bool another = !redelivered && is_another(deaths, here->letters) && letters > 1 && here->firsts <= letters;
  if (!redelivered && deaths.all.empty() && quiet_since_ && who.since >= *quiet_since_) {
    if (here->in_quiet != 0 && !handed_out_again(*here))
      violation("one place: " + message_text(id) + " is stored twice in " + queues_[queue].name);
    here->in_quiet = time_.now();
  }
  if (!undisturbed(what))
    return;
  const auto& plan = queues_[queue];
  const bool went_on =
    std::any_of(what.visits.begin(), what.visits.end(), [&](const visit& one) { return one.deaths > deaths.total; });
  const bool again = here->deliveries > 1 || (went_on && out_of_reach_since(who, what.sent));
  const bool late = !redelivered && again && here->firsts == 1 && excused(time_.now());
  if (late)
    markers_.insert("handed-out-late");
  if (another && (here->deliveries > 1 || what.settled))
    markers_.insert("letter-sent-again");
  if (!redelivered && here->deliveries > 1 && !late && !another)
    violation("one place: " + message_text(id) + " came twice to " + plan.name + " without a crash");
  if (!redelivered && what.settled && !what.doubted && !late && !another) {
    if (ack_lost(what, deaths.total))
      markers_.insert("ack-lost");
    else
      violation("one place: " + message_text(id) + " came to " + plan.name + " after it was settled, without a crash");
  }
  if (plan.options.delivery_limit && here->deliveries > letters * (*plan.options.delivery_limit + 1))
    violation("W57: " + message_text(id) + " was delivered " + std::to_string(here->deliveries)
              + " times, the limit of " + plan.name + " is " + std::to_string(*plan.options.delivery_limit));
}

/// Only what comes from further on: in the queue itself it is flagged redelivered.
bool ledger::ack_lost(const record& what, uint64_t deaths) const {
  if (what.acked_by == 0)
    return false;
  const auto& by = consumers_.at(what.acked_by);
  const auto found = silences_.find({by.queue, by.node});
  return found != silences_.end()
      && std::any_of(what.visits.begin(), what.visits.end(),
                     [&](const visit& one) { return one.queue == by.queue && one.deaths < deaths; })
      && std::any_of(found->second.begin(), found->second.end(),
                     [&](const silence& one) { return one.over >= what.held_since && what.acked_at >= one.since; });
}

/// A session that ends takes with it the confirms of what was under way then: at most it doubles what there is.
uint64_t ledger::letters_at_most(const record& what, const deaths_seen& deaths) const {
  constexpr uint64_t ends_max = 16;
  uint64_t ends = 0;
  for (const auto& death : deaths.all)
    if (const auto from = queues_.index_of(death.queue))
      if (const auto found = unanswered_at_.find(*from); found != unanswered_at_.end())
        ends += static_cast<uint64_t>(
          std::count_if(found->second.begin(), found->second.end(), [&](sim_ns at) { return at >= what.sent; }));
  return uint64_t{1} << std::min(ends, ends_max);
}

/// What a master hands out just before it goes comes again from the next one, which may know neither of that, so does
/// not flag it, nor of its settlement. It may arrive after the master has gone. Once for each move, and only at about
/// that time: how far messages were handed out, mirrors hear within a fraction of a second.
bool ledger::handed_out_again(visit& here) const {
  const auto found = moved_at_.find(here.queue);
  if (found == moved_at_.end())
    return false;
  const auto& moves = found->second;
  for (size_t at = here.moves; at < moves.size(); ++at)
    if (moves[at] <= here.in_quiet + hand_over && here.in_quiet <= moves[at] + hand_over) {
      here.moves = at + 1;
      return true;
    }
  return false;
}

/// Publishes of one channel come in their order within a priority, and so do those of which one was confirmed, so was
/// in the queue, before the other was sent. What is in the queue is handed out before everything of a lower priority.
/// A channel that polls need not notice that the queue's node died: what it had got comes again, and the rest behind
/// it. So nothing that it got before that, or that was under way to it then, has passed what comes again.
void ledger::check_order(message_id id, const record& what, consumer& who, const deaths_seen& deaths,
                         const delivery& how) {
  if (moving(who.queue) && !undisturbed(what))
    return; // it may have been on its way to another consumer when its master went
  const auto priority = priority_in(who.queue, what);
  const auto passed = [&](const std::pair<sim_ns, message_id>& other, uint8_t with) {
    if (what.accepted != 0 && other.first > what.accepted)
      violation("W55: " + message_text(other.second) + " with priority " + std::to_string(with) + " passed "
                + message_text(id) + " with priority " + std::to_string(priority) + ", which was there before it");
  };
  if (deaths.all.empty() && what.what.delay_ms == 0 && !how.redelivered) {
    auto& newest = who.newest[{static_cast<uint32_t>(id >> 32), priority}];
    const bool again = what.delivered && what.life != life_;
    if (newest >= id && !again)
      violation("C3: " + message_text(id) + " delivered after " + message_text(newest) + " by one consumer");
    newest = id;
    if (again)
      for (auto* got : {&who.latest, &who.handed})
        std::erase_if(*got, [&](const auto& one) { return one.first.first != life_; });
    for (const auto& [when, other] : who.latest)
      if (when.second == priority)
        passed(other, priority);
    for (const auto& [when, other] : who.handed)
      if (when.second < priority)
        passed(other, when.second);
  }
  const auto just_now = time_.now() - std::min(time_.now(), hand_over);
  who.horizon = std::max({who.horizon, what.sent, how.prompt ? just_now : 0});
  const std::pair from{crashed_at_ && time_.now() < *crashed_at_ + hand_over ? life_ - 1 : life_, priority};
  who.handed[from] = {who.horizon, id};
  auto& latest = who.latest[from];
  if (what.sent >= latest.first)
    latest = {what.sent, id};
  if (priority != 0)
    markers_.insert("priority");
}

void ledger::check_active(uint64_t who, const consumer& one) {
  if (!queues_[one.queue].options.single_active_consumer || one.left)
    return;
  if (moving(one.queue) || excused(time_.now()))
    return; // what a node that nobody hears has handed out may come late
  auto& active = active_[one.queue];
  if (active != 0 && active != who && !consumers_[active].left)
    violation("W54: two consumers are active on " + queues_[one.queue].name);
  if (active != 0 && active != who)
    markers_.insert("single-active-took-over");
  active = who;
}

} // namespace broker::sim
