#include "ledger.hpp"

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"

namespace broker::sim {

namespace {

/// After a queue has got another master, what the last one has handed out may still be under way this long.
constexpr sim_ns move_takes = 10 * second;
/// A purge whose client has gone is under way for so long at most.
constexpr sim_ns purge_takes = 30 * second;
/// A node that is behind with the metadata publishes to a queue that is gone, and that counts as confirmed (W67).
constexpr sim_ns news_take = 2 * second;
constexpr size_t violations_max = 100; // one is enough to fail; the rest is for the reader

/// The bytes of a body from its eighth on, a word at a time: they depend on the message and on the place.
uint64_t filler(message_id id, size_t word) {
  const uint64_t mixed = (id + word) * 0x9e3779b97f4a7c15u;
  return mixed ^ mixed >> 29;
}

} // namespace

std::string message_text(message_id id) {
  return "message " + std::to_string(id >> 32) + ":" + std::to_string(id & 0xffffffffu);
}

std::string make_body(message_id id, size_t size) {
  std::string body(size < 8 ? 8 : size, '\0');
  store_u64(body.data(), id);
  for (size_t at = 8; at < body.size(); at += 8) {
    const uint64_t word = filler(id, at);
    std::memcpy(body.data() + at, &word, std::min<size_t>(8, body.size() - at));
  }
  return body;
}

message_id read_body(std::string_view body, std::string& problem) {
  if (body.size() < 8) {
    problem = "a delivered body of " + std::to_string(body.size()) + " bytes";
    return 0;
  }
  const auto id = load_u64(body.data());
  for (size_t at = 8; at < body.size(); at += 8) {
    const uint64_t word = filler(id, at);
    if (std::memcmp(body.data() + at, &word, std::min<size_t>(8, body.size() - at)) != 0) {
      problem = "C2: body of " + message_text(id) + " differs in the eight bytes from byte " + std::to_string(at);
      break;
    }
  }
  return id;
}

void ledger::violation(std::string what) {
  if (violations_.size() < violations_max)
    violations_.push_back(std::move(what));
}

ledger::record* ledger::find(message_id id, const char* doing) {
  auto found = messages_.find(id);
  if (found != messages_.end())
    return &found->second;
  violation(std::string{"C2: "} + doing + " " + message_text(id) + ", which was never published");
  return nullptr;
}

void ledger::published(message_id id, const publish& what) {
  auto& made = messages_[id];
  made.what = what;
  made.sent = time_.now();
  made.life = life_;
  if (what.queue != queue_none)
    for (const auto hop : queues_.chain(what.queue))
      made.may_be_lost = made.may_be_lost || doomed_.contains(hop) || may_be_purged(hop) || may_be_gone(hop);
  if (what.confirm_mode)
    ++outstanding_;
  if (what.queue != queue_none)
    sent_to_[what.queue].push_back(id);
}

void ledger::confirmed(message_id id) {
  auto* found = find(id, "confirm of");
  if (!found)
    return;
  if (found->confirmed || found->nacked)
    violation("C8: " + message_text(id) + " confirmed twice");
  if (found->what.queue == queue_none && !found->returned)
    violation("C8: unroutable mandatory " + message_text(id) + " confirmed before it was returned");
  found->confirmed = true;
  found->accepted = time_.now();
  ++confirmed_;
  --outstanding_;
}

void ledger::nacked(message_id id) {
  auto* found = find(id, "nack of");
  if (!found)
    return;
  if (found->confirmed || found->nacked)
    violation("C8: " + message_text(id) + " nacked after an answer");
  found->nacked = true;
  found->given_up = excused(time_.now());
  --outstanding_;
  markers_.insert("refused");
  if (found->what.queue == queue_none)
    return violation("C8: unroutable " + message_text(id) + " refused");
  const auto& queue = queues_[found->what.queue];
  if (found->given_up)
    return;
  if (!queue.refuses())
    return violation("C8: " + message_text(id) + " refused by " + queue.name + ", which takes everything");
  if (queue.options.max_length && !queues_.is_target(found->what.queue)
      && sent_to_[found->what.queue].size() <= *queue.options.max_length)
    violation("C8: " + message_text(id) + " refused by " + queue.name + ", which was never sent so many");
}

void ledger::returned(message_id id) {
  auto* found = find(id, "return of");
  if (!found)
    return;
  if (found->what.queue != queue_none && !excused(found->sent))
    violation("C2: routable " + message_text(id) + " returned");
  if (found->returned)
    violation("C8: " + message_text(id) + " returned twice");
  found->returned = true;
}

void ledger::withdrawn(message_id id) {
  if (auto* found = find(id, "rollback of"))
    found->withdrawn = true;
}

void ledger::abandoned(message_id id) {
  auto* found = find(id, "loss of the publisher of");
  if (!found || found->confirmed || found->nacked)
    return;
  found->abandoned = true;
  if (found->what.confirm_mode)
    --outstanding_;
}

void ledger::committed(message_id id) {
  if (auto* found = find(id, "commit of")) {
    found->confirmed = true;
    found->accepted = time_.now();
  }
}

uint64_t ledger::new_consumer(uint32_t queue, std::string node) {
  auto& made = consumers_[next_consumer_];
  made.queue = queue;
  made.node = std::move(node);
  made.since = time_.now();
  return next_consumer_++;
}

void ledger::consumer_left(uint64_t who) {
  if (const auto found = consumers_.find(who); found != consumers_.end())
    found->second.left = true;
}

void ledger::settled(message_id id) {
  if (auto* found = find(id, "settling of")) {
    found->settled = true;
    found->doubted = false;
    found->acked_by = 0;
  }
}

/// While something is wrong its node may have got it from the queue long before the client had it.
void ledger::acked(uint64_t who, message_id id, sim_ns got) {
  settled(id);
  if (auto* found = find(id, "ack of")) {
    found->acked_by = who;
    found->acked_at = time_.now();
    found->held_since = excused(got) ? found->sent : got;
  }
}

void ledger::rejected(message_id id, uint32_t queue) {
  auto* found = find(id, "rejecting of");
  if (!found)
    return;
  found->rejected_in |= 1u << queue;
  if (!queues_[queue].dead_letters_to)
    settled(id);
}

void ledger::doubted(message_id id) {
  if (auto* found = find(id, "doubt about"))
    found->doubted = true;
}

void ledger::calendar_jumped(const std::string& node, int64_t offset_ms) {
  for (auto& one : calendars_)
    if (one.node == node && one.until == UINT64_MAX)
      one.until = time_.now();
  calendars_.push_back({node, offset_ms, time_.now(), UINT64_MAX});
}

void ledger::node_crashed() {
  ++life_;
  crashed_at_ = time_.now();
  for (auto& [id, found] : messages_)
    if (!found.what.survives_crash)
      found.may_be_lost = true;
}

void ledger::queue_doomed(uint32_t queue) {
  doomed_.insert(queue);
  queue_vanished(queue);
}

void ledger::queue_vanished(uint32_t queue) {
  vanished_at_[queue] = time_.now();
  excuse_all(queue);
}

bool ledger::may_be_gone(uint32_t queue) const {
  const auto at = vanished_at_.find(queue);
  return at != vanished_at_.end() && time_.now() < at->second + news_take && excused(time_.now());
}

void ledger::purging(uint32_t queue) {
  ++purging_[queue];
  excuse_all(queue);
}

void ledger::purged(uint32_t queue, bool answered) {
  --purging_[queue];
  excuse_all(queue);
  if (!answered)
    purged_until_[queue] = time_.now() + purge_takes;
  markers_.insert("purged");
}

bool ledger::may_be_purged(uint32_t queue) const {
  const auto waits = purging_.find(queue);
  const auto until = purged_until_.find(queue);
  return (waits != purging_.end() && waits->second != 0)
      || (until != purged_until_.end() && time_.now() < until->second);
}

void ledger::excuse_all(uint32_t queue) {
  for (uint32_t index = 0; index < queues_.size(); ++index) {
    const auto way = queues_.chain(index);
    if (std::find(way.begin(), way.end(), queue) != way.end())
      for (const auto id : sent_to_[index])
        messages_.at(id).may_be_lost = true;
  }
}

void ledger::master_moved(uint32_t queue) {
  markers_.insert("master-moved");
  moved_at_[queue].push_back(time_.now());
  active_[queue] = 0;
  for (auto& [id, one] : consumers_)
    if (one.queue == queue) {
      one.newest.clear();
      one.latest.clear();
      one.handed.clear();
      one.horizon = 0;
    }
}

void ledger::letters_unanswered(uint32_t queue) {
  unanswered_at_[queue].push_back(time_.now());
}

void ledger::session_over(uint32_t queue, const std::string& node, sim_ns silent_since) {
  silences_[{queue, node}].push_back({silent_since, time_.now()});
}

bool ledger::out_of_reach_since(const consumer& who, sim_ns when) const {
  const auto found = silences_.find({who.queue, who.node});
  return found != silences_.end() && found->second.back().over >= when;
}

bool ledger::moving(uint32_t queue) const {
  const auto at = moved_at_.find(queue);
  return at != moved_at_.end() && (time_.now() < at->second.back() + move_takes || excused(time_.now()));
}

bool ledger::undisturbed(const record& what) const {
  if (what.life != life_)
    return false;
  const auto way = queues_.chain(what.what.queue);
  return std::none_of(way.begin(), way.end(), [&](uint32_t queue) { return moved_since(queue, what.sent); });
}

bool ledger::moved_since(uint32_t queue, sim_ns when) const {
  const auto at = moved_at_.find(queue);
  return at != moved_at_.end() && at->second.back() >= when;
}

/// What its channel gave up may have come there. And a queue that makes dead letters of what it refuses has it in its
/// log when it refuses: until the letter has arrived, another master would find it there, like any other.
bool ledger::may_be_there(const record& what) const {
  const auto& queue = queues_[what.what.queue];
  const bool logged = queue.refuses() && queue.options.overflow == overflow_policy::reject_publish_dlx;
  return what.given_up || (logged && moved_since(what.what.queue, what.sent));
}

void ledger::counted(uint32_t queue, uint64_t messages, sim_ns quiet_for) {
  const auto& plan = queues_[queue];
  const auto& options = plan.options;
  const auto says = "queue " + plan.name + " has " + std::to_string(messages) + " messages";
  // One that refuses may be longer by what consumers have given back.
  const bool strict = plan.drops_head() || !plan.watched;
  if (options.max_length && strict && messages > *options.max_length)
    violation("limit: " + says + ", more than its x-max-length of " + std::to_string(*options.max_length));
  // Dead letters that wait for room in their target keep the others at the head.
  const bool fed =
    queues_.is_target(queue) || plan.delayed_by || options.strategy == dead_letter_strategy::at_least_once;
  if (options.message_ttl_ms && !fed && quiet_for > (*options.message_ttl_ms + 1000) * ms && messages != 0)
    violation("TTL: " + says + " long after the last of them should have expired");
}

void ledger::report(run_result& to) const {
  to.violations = violations_;
  to.published = messages_.size();
  to.confirmed = confirmed_;
  to.delivered = delivered_;
  to.duplicates = duplicates_;
}

} // namespace broker::sim
