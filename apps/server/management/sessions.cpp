#include "management/sessions.hpp"

#include <algorithm>
#include <utility>

namespace broker::management {

bool session_table::is_over(const login_session& one, moment now) const {
  return now.monotonic_ms >= one.used_ms + limits_.idle_ms || now.monotonic_ms >= one.ends_ms;
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
  add(keys, std::move(claim), std::move(who), now);
  return result;
}

bool session_table::may_be_taken_over(const session_claim& claim, moment now) const {
  return !ended_.contains(claim.id) && claim.stamped_ms >= taken_over_since_ms_ && claim.opened_ms <= claim.stamped_ms
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
  if (ended_.size() >= limits_.ended_most)
    std::erase_if(ended_, [&](const auto& each) { return now.unix_ms >= each.second; });
  if (ended_.size()
      >= limits_.ended_most) { // nothing may be forgotten, so nothing that was stamped so far is taken over
    ended_.clear();
    taken_over_since_ms_ = now.unix_ms + limits_.clocks_ms + 1;
  }
  ended_[std::move(id)] = now.unix_ms + limits_.idle_ms + limits_.clocks_ms;
}

void session_table::sweep(moment now) {
  std::erase_if(sessions_, [&](const auto& each) { return is_over(each.second, now); });
  std::erase_if(ended_, [&](const auto& each) { return now.unix_ms >= each.second; });
}

} // namespace broker::management
