#include "base/keyed_hash.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.hpp"

namespace broker {

std::string hmac_sha256(std::string_view key, std::string_view text) {
  // A null key would mean the one of the call before, and an empty view may have no address.
  const char* const key_octets = key.empty() ? "" : key.data();
  std::string made(keyed_hash_bytes, '\0');
  unsigned int size = 0;
  const auto* done =
    HMAC(EVP_sha256(), key_octets, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), reinterpret_cast<unsigned char*>(made.data()), &size);
  BROKER_ASSERT(done != nullptr && size == keyed_hash_bytes, "HMAC-SHA-256 gives 32 bytes");
  return made;
}

std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, size_t size) {
  BROKER_ASSERT(size <= 255 * keyed_hash_bytes, "HKDF counts its blocks in one octet");
  std::string root = hmac_sha256(salt, secret); // an empty salt is one of zeros: HMAC fills its key up with them
  std::string keys, block;
  for (unsigned char number = 1; keys.size() < size; ++number) {
    block += std::string{info} + static_cast<char>(number);
    block = hmac_sha256(root, block);
    keys.append(block, 0, std::min(block.size(), size - keys.size()));
  }
  OPENSSL_cleanse(root.data(), root.size());
  OPENSSL_cleanse(block.data(), block.size());
  return keys;
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

} // namespace broker
