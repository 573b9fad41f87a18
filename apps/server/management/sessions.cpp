#include "management/sessions.hpp"

#include <algorithm>
#include <utility>

#include "base/keyed_hash.hpp"

namespace broker::management {

bool session_table::is_over(const login_session& one, moment now) const {
  return now.monotonic_ms >= one.used_ms + limits_.idle_ms || now.monotonic_ms >= one.ends_ms
      || may_have_missed_its_end(one, now);
}

bool session_table::may_have_missed_its_end(const login_session& one, moment now) const {
  return now.cut_off_for_ms > limits_.cut_off_ms && one.here_ms + now.cut_off_for_ms < now.monotonic_ms;
}

namespace {

/// Was `one` not used for longer than `other`?
bool is_staler(const login_session& one, const login_session& other) {
  return std::pair{one.used_ms, one.number} < std::pair{other.used_ms, other.number};
}

} // namespace

void session_table::make_room(const std::string& user, moment now) {
  size_t of_user = 0;
  const login_session* oldest = nullptr;
  const login_session* oldest_of_user = nullptr;
  for (const auto& [id, one] : sessions_) {
    if (oldest == nullptr || is_staler(one, *oldest))
      oldest = &one;
    if (one.who.user != user)
      continue;
    ++of_user;
    if (oldest_of_user == nullptr || is_staler(one, *oldest_of_user))
      oldest_of_user = &one;
  }
  if (of_user >= limits_.per_user_most)
    end(oldest_of_user->claim.id, now);
  else if (sessions_.size() >= limits_.most)
    end(oldest->claim.id, now);
}

login_session& session_table::add(const session_keys& keys, session_claim claim, proof_of_login who, moment now) {
  sweep(now);
  make_room(who.user, now);
  login_session made;
  made.number = ++last_;
  made.who = std::move(who);
  made.token = keys.token_of(claim.id);
  const uint64_t age_ms = now.unix_ms - std::min(claim.opened_ms, now.unix_ms);
  made.ends_ms = now.monotonic_ms + limits_.life_ms - std::min(age_ms, limits_.life_ms);
  made.used_ms = now.monotonic_ms;
  made.claim = std::move(claim);
  std::string id = made.claim.id;
  return sessions_.insert_or_assign(std::move(id), std::move(made)).first->second;
}

session_table::opened session_table::open(const session_keys& keys, proof_of_login who, moment now) {
  session_claim claim;
  claim.id = random_id();
  claim.user = who.user;
  claim.opened_ms = claim.stamped_ms = now.unix_ms;
  claim.loopback = who.loopback;
  claim.mark = keys.mark_of(claim.id, who.password_hash);
  opened result{keys.sign(claim), keys.token_of(claim.id)};
  add(keys, std::move(claim), std::move(who), now).here_ms = now.monotonic_ms;
  return result;
}

bool session_table::may_be_taken_over(const session_claim& claim, moment now) const {
  return now.cut_off_for_ms <= limits_.cut_off_ms && !ended_.contains(claim.id)
      && claim.stamped_ms >= taken_over_since_ms_ && claim.opened_ms <= claim.stamped_ms
      && claim.stamped_ms <= now.unix_ms + limits_.clocks_ms && now.unix_ms < claim.stamped_ms + limits_.idle_ms
      && now.unix_ms < claim.opened_ms + limits_.life_ms;
}

const login_session* session_table::take_over(const session_keys& keys, session_claim claim, moment now,
                                              const find_user& users) {
  if (!may_be_taken_over(claim, now))
    return nullptr;
  const auto user = users(claim.user);
  if (!user || !equal_secrets(claim.mark, keys.mark_of(claim.id, user->password_hash)))
    return nullptr;
  proof_of_login who{claim.user, user->password_hash, claim.loopback};
  return &add(keys, std::move(claim), std::move(who), now);
}

const login_session* session_table::find(const session_keys& keys, std::string_view value, moment now,
                                         const find_user& users) {
  auto claim = keys.verify(value);
  if (!claim)
    return nullptr;
  const auto found = sessions_.find(claim->id);
  if (found == sessions_.end())
    return take_over(keys, *std::move(claim), now, users);
  if (is_over(found->second, now)) { // here: it may have been used at other nodes since
    sessions_.erase(found);
    return take_over(keys, *std::move(claim), now, users);
  }
  found->second.used_ms = now.monotonic_ms;
  return &found->second;
}

std::optional<std::string> session_table::stamped(const session_keys& keys, const login_session& one,
                                                  std::string_view value, moment now) const {
  auto claim = keys.verify(value);
  if (!claim || claim->id != one.claim.id || now.unix_ms < claim->stamped_ms + limits_.stamp_ms)
    return {};
  claim->stamped_ms = now.unix_ms;
  return keys.sign(*claim);
}

bool session_table::still_open(uint64_t number, moment now) {
  for (auto& [id, one] : sessions_)
    if (one.number == number && !is_over(one, now)) {
      one.used_ms = now.monotonic_ms;
      return true;
    }
  return false;
}

void session_table::end(std::string id, moment now) {
  sessions_.erase(id);
  const uint64_t until_ms = now.unix_ms + limits_.idle_ms + limits_.clocks_ms;
  if (here_.until_ms.size() >= limits_.told_most || ended_.size() >= limits_.ended_most)
    sweep(now);
  if (here_.until_ms.size() >= limits_.told_most || ended_.size() >= limits_.ended_most) {
    // Nothing may be forgotten, so nothing that was stamped so far is taken over.
    here_.until_ms.clear();
    here_.none_before_ms = now.unix_ms + limits_.clocks_ms + 1;
    forget_before(here_.none_before_ms);
  }
  here_.until_ms[id] = until_ms;
  ended_[std::move(id)] = until_ms;
}

/// Those that are known here by a younger value are known: they have not ended before.
void session_table::forget_before(uint64_t stamped_ms) {
  taken_over_since_ms_ = std::max(taken_over_since_ms_, stamped_ms);
  if (ended_.size() >= limits_.ended_most)
    ended_.clear();
}

void session_table::learn(const ended_sessions& what, bool here) {
  if (what.none_before_ms > taken_over_since_ms_) {
    forget_before(what.none_before_ms);
    if (!here) // whose ends that node does not name any more
      std::erase_if(sessions_, [&](const auto& each) { return each.second.claim.stamped_ms < what.none_before_ms; });
  }
  if (here)
    here_.none_before_ms = std::max(here_.none_before_ms, what.none_before_ms);
  for (const auto& [id, until_ms] : what.until_ms) {
    sessions_.erase(id);
    if (here)
      here_.until_ms.emplace(id, until_ms);
    if (ended_.size() < limits_.ended_most)
      ended_.emplace(id, until_ms);
    else // as if too many had ended just then
      taken_over_since_ms_ = std::max(taken_over_since_ms_, until_ms - std::min(until_ms, limits_.idle_ms) + 1);
  }
}

ended_sessions session_table::ended_here(moment now) {
  sweep(now);
  return here_;
}

void session_table::sweep(moment now) {
  std::erase_if(sessions_, [&](const auto& each) { return is_over(each.second, now); });
  const auto is_of_no_use = [&](const auto& each) { return now.unix_ms >= each.second; };
  std::erase_if(ended_, is_of_no_use);
  std::erase_if(here_.until_ms, is_of_no_use);
  if (now.unix_ms >= here_.none_before_ms + limits_.idle_ms)
    here_.none_before_ms = 0;
}

} // namespace broker::management
