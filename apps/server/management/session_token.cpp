#include "management/session_token.hpp"

#include <array>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace broker::management {

namespace {

constexpr char format = 1;
constexpr size_t id_bytes = 16;
constexpr size_t mark_bytes = 16;
constexpr size_t signature_bytes = 32;
constexpr size_t fixed_bytes = 1 + id_bytes + 8 + 8 + 1 + mark_bytes; ///< before the user's name
constexpr std::string_view hex_digits = "0123456789abcdef";

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

struct free_kdf {
  void operator()(EVP_KDF* what) const { EVP_KDF_free(what); }
  void operator()(EVP_KDF_CTX* what) const { EVP_KDF_CTX_free(what); }
};

/// RFC 5869. `label` keeps keys of different uses apart.
std::string hkdf(std::string_view cookie, uint64_t cluster, std::string_view label) {
  std::string secret{cookie}, salt = "warren management" + big_endian(cluster), info{label};
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
    OSSL_PARAM_construct_end(),
  };
  std::string key(signature_bytes, '\0');
  const std::unique_ptr<EVP_KDF, free_kdf> method{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  const std::unique_ptr<EVP_KDF_CTX, free_kdf> context{method ? EVP_KDF_CTX_new(method.get()) : nullptr};
  const bool derived =
    context && EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(), parameters) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  BROKER_ASSERT(derived, "no key for the log-ins of the web pages");
  return key;
}

std::string hmac(const std::string& key, std::string_view text) {
  std::string made(signature_bytes, '\0');
  unsigned int size = 0;
  const auto* done =
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), reinterpret_cast<unsigned char*>(made.data()), &size);
  BROKER_ASSERT(done != nullptr && size == signature_bytes, "HMAC-SHA-256 gives 32 bytes");
  return made;
}

} // namespace

std::string to_hex(std::string_view octets) {
  std::string text;
  text.reserve(octets.size() * 2);
  for (const char each : octets) {
    text.push_back(hex_digits[static_cast<unsigned char>(each) >> 4]);
    text.push_back(hex_digits[each & 15]);
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0)
    return {};
  std::string octets;
  octets.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = hex_digits.find(text[i]), low = hex_digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return {};
    octets.push_back(static_cast<char>(high << 4 | low));
  }
  return octets;
}

std::string random_id() {
  std::array<unsigned char, id_bytes> octets{};
  BROKER_ASSERT(RAND_bytes(octets.data(), static_cast<int>(octets.size())) == 1, "no random numbers for a session");
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

session_keys::session_keys(std::string_view cookie, uint64_t cluster)
  : signature_key_(hkdf(cookie, cluster, "session signature, 1")),
    token_key_(hkdf(cookie, cluster, "session token, 1")), mark_key_(hkdf(cookie, cluster, "session password mark, 1")),
    cookie_name_("warren-" + to_hex(hkdf(cookie, cluster, "session cookie name, 1").substr(0, 4))) {}

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
  return to_hex(octets + hmac(signature_key_, octets));
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
  if (!equal_secrets(signature, hmac(signature_key_, signed_part)) || signed_part.front() != format)
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
  return to_hex(hmac(token_key_, id));
}

std::string session_keys::mark_of(std::string_view id, std::string_view password_hash) const {
  return hmac(mark_key_, std::string{id} + std::string{password_hash}).substr(0, mark_bytes);
}

} // namespace broker::management
