#include "management/sessions.hpp"

#include <array>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/assert.hpp"

namespace broker::management {

namespace {

constexpr size_t secret_bytes = 32;

std::string random_secret() {
  std::array<unsigned char, secret_bytes> octets{};
  BROKER_ASSERT(RAND_bytes(octets.data(), static_cast<int>(octets.size())) == 1, "no random numbers for a session");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char each : octets) {
    text.push_back(digits[each >> 4]);
    text.push_back(digits[each & 15]);
  }
  return text;
}

std::string cookie_digest(std::string_view value) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(value.data()), value.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

} // namespace

bool session_table::is_over(const login_session& one, uint64_t now_ms) const {
  return now_ms >= one.used_ms + limits_.idle_ms || now_ms >= one.opened_ms + limits_.life_ms;
}

namespace {

/// Was `one` not used for longer than `other`?
bool is_staler(const login_session& one, const login_session& other) {
  return std::pair{one.used_ms, one.number} < std::pair{other.used_ms, other.number};
}

} // namespace

void session_table::make_room(const std::string& user) {
  size_t of_user = 0;
  auto oldest = sessions_.end();
  auto oldest_of_user = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (oldest == sessions_.end() || is_staler(at->second, oldest->second))
      oldest = at;
    if (at->second.who.user != user)
      continue;
    ++of_user;
    if (oldest_of_user == sessions_.end() || is_staler(at->second, oldest_of_user->second))
      oldest_of_user = at;
  }
  if (of_user >= limits_.per_user_most)
    sessions_.erase(oldest_of_user);
  else if (sessions_.size() >= limits_.most)
    sessions_.erase(oldest);
}

session_table::opened session_table::open(proof_of_login who, uint64_t now_ms) {
  sweep(now_ms);
  make_room(who.user);
  opened result{random_secret(), random_secret()};
  sessions_.emplace(cookie_digest(result.value), login_session{++last_, std::move(who), result.token, now_ms, now_ms});
  return result;
}

const login_session* session_table::find(std::string_view value, uint64_t now_ms) {
  const auto found = sessions_.find(cookie_digest(value));
  if (found == sessions_.end())
    return nullptr;
  if (is_over(found->second, now_ms)) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second.used_ms = now_ms;
  return &found->second;
}

bool session_table::still_open(uint64_t number, uint64_t now_ms) {
  for (auto& [digest, one] : sessions_)
    if (one.number == number && !is_over(one, now_ms)) {
      one.used_ms = now_ms;
      return true;
    }
  return false;
}

void session_table::close(std::string_view value) {
  if (const auto found = sessions_.find(cookie_digest(value)); found != sessions_.end())
    sessions_.erase(found);
}

void session_table::sweep(uint64_t now_ms) {
  std::erase_if(sessions_, [&](const auto& each) { return is_over(each.second, now_ms); });
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

} // namespace broker::management
