#include "management/session_token.hpp"

#include <array>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/assert.hpp"
#include "base/hex.hpp"
#include "base/keyed_hash.hpp"
#include "base/limits.hpp"

namespace broker::management {

namespace {

constexpr char format = 1;
constexpr size_t id_bytes = 16;
constexpr size_t mark_bytes = 16;
constexpr size_t signature_bytes = keyed_hash_bytes;
constexpr size_t fixed_bytes = 1 + id_bytes + 8 + 8 + 1 + mark_bytes; ///< before the user's name

std::string big_endian(uint64_t number) {
  std::string octets;
  for (int shift = 56; shift >= 0; shift -= 8)
    octets.push_back(static_cast<char>(number >> shift));
  return octets;
}

uint64_t number_in(std::string_view octets) {
  uint64_t number = 0;
  for (const char each : octets)
    number = number << 8 | static_cast<unsigned char>(each);
  return number;
}

/// `label` keeps keys of different uses apart.
std::string derived(std::string_view cookie, uint64_t cluster, std::string_view label) {
  return hkdf_sha256(cookie, "warren management" + big_endian(cluster), label, keyed_hash_bytes);
}

} // namespace

std::string random_id() {
  std::array<unsigned char, id_bytes> octets{};
  BROKER_ASSERT(RAND_bytes(octets.data(), static_cast<int>(octets.size())) == 1, "no random numbers for a session");
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

session_keys::session_keys(std::string_view cookie, uint64_t cluster)
  : signature_key_(derived(cookie, cluster, "session signature, 1")),
    token_key_(derived(cookie, cluster, "session token, 1")),
    mark_key_(derived(cookie, cluster, "session password mark, 1")),
    cookie_name_("warren-" + to_hex(derived(cookie, cluster, "session cookie name, 1").substr(0, 4))) {}

session_keys::~session_keys() {
  for (std::string* each : {&signature_key_, &token_key_, &mark_key_})
    OPENSSL_cleanse(each->data(), each->size());
}

std::string session_keys::sign(const session_claim& what) const {
  BROKER_ASSERT(what.id.size() == id_bytes && what.mark.size() == mark_bytes, "fields of fixed sizes");
  std::string octets{format};
  octets += what.id + big_endian(what.opened_ms) + big_endian(what.stamped_ms);
  octets.push_back(what.loopback ? 1 : 0);
  octets += what.mark + what.user;
  return to_hex(octets + hmac_sha256(signature_key_, octets));
}

std::optional<session_claim> session_keys::verify(std::string_view value) const {
  if (value.size() > 2 * (fixed_bytes + limits::name_max_bytes + signature_bytes))
    return {};
  const auto octets = from_hex(value);
  if (!octets || octets->size() <= fixed_bytes + signature_bytes)
    return {};
  std::string_view signed_part{*octets};
  const auto signature = signed_part.substr(signed_part.size() - signature_bytes);
  signed_part.remove_suffix(signature_bytes);
  if (!equal_secrets(signature, hmac_sha256(signature_key_, signed_part)) || signed_part.front() != format)
    return {};
  signed_part.remove_prefix(1);
  const auto take = [&](size_t size) {
    const auto taken = signed_part.substr(0, size);
    signed_part.remove_prefix(size);
    return taken;
  };
  session_claim claim;
  claim.id = take(id_bytes);
  claim.opened_ms = number_in(take(8));
  claim.stamped_ms = number_in(take(8));
  claim.loopback = take(1).front() != 0;
  claim.mark = take(mark_bytes);
  claim.user = signed_part;
  return claim;
}

std::string session_keys::token_of(std::string_view id) const {
  return to_hex(hmac_sha256(token_key_, id));
}

std::string session_keys::mark_of(std::string_view id, std::string_view password_hash) const {
  return hmac_sha256(mark_key_, std::string{id} + std::string{password_hash}).substr(0, mark_bytes);
}

} // namespace broker::management
