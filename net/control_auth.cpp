#include "control_auth.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/keyed_hash.hpp"
#include "base/limits.hpp"

namespace broker::control {

namespace {

constexpr std::string_view magic{"WCTL\x02", 5}; // the last byte is the version
constexpr char client_role = 'C';
constexpr char server_role = 'S';

struct greeting {
  nonce random;
  std::string name;
};

std::string encode_greeting(const nonce& random, std::string_view name) {
  BROKER_ASSERT(name.size() <= limits::name_max_bytes, "a node name fits its length byte");
  std::string bytes{magic};
  bytes.append(reinterpret_cast<const char*>(random.data()), random.size());
  bytes.push_back(static_cast<char>(name.size()));
  bytes.append(name);
  return bytes;
}

result<greeting> decode_greeting(std::string_view bytes) {
  constexpr size_t fixed = magic.size() + nonce_bytes + 1;
  if (bytes.size() < fixed || bytes.substr(0, magic.size()) != magic)
    return error{0, "the other end does not speak this control protocol"};
  if (bytes.size() != fixed + static_cast<unsigned char>(bytes[fixed - 1]))
    return error{0, "malformed control handshake"};
  greeting hello;
  std::copy_n(bytes.begin() + magic.size(), nonce_bytes, hello.random.begin());
  hello.name = bytes.substr(fixed);
  return hello;
}

/// Both keys and both names: what a conversation is bound to.
std::string transcript(const nonce& client, const nonce& server, std::string_view client_name,
                       std::string_view server_name) {
  std::string text;
  text.append(reinterpret_cast<const char*>(client.data()), client.size());
  text.append(reinterpret_cast<const char*>(server.data()), server.size());
  for (const auto name : {client_name, server_name}) {
    text.push_back(static_cast<char>(name.size()));
    text.append(name);
  }
  return text;
}

std::string prove(std::string_view cookie, char role, const nonce& client, const nonce& server,
                  std::string_view client_name, std::string_view server_name) {
  return hmac_sha256(cookie,
                     "warren control 2 " + std::string{role} + transcript(client, server, client_name, server_name));
}

struct free_key {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_key>;

key_ptr private_key(const nonce& own) {
  key_ptr key{EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, own.data(), own.size())};
  BROKER_ASSERT(key != nullptr, "any 32 octets are a private key");
  return key;
}

nonce public_of(const nonce& own) {
  nonce key;
  size_t size = key.size();
  BROKER_ASSERT(EVP_PKEY_get_raw_public_key(private_key(own).get(), key.data(), &size) == 1 && size == key.size(),
                "a private key has a public one");
  return key;
}

/// Error: the other end's key is of the few that give a secret everybody knows.
result<std::string> shared_secret(const nonce& own, const nonce& theirs) {
  const auto mine = private_key(own);
  const key_ptr other{EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, theirs.data(), theirs.size())};
  const std::unique_ptr<EVP_PKEY_CTX, free_key> context{EVP_PKEY_CTX_new(mine.get(), nullptr)};
  std::string secret(nonce_bytes, '\0');
  size_t size = secret.size();
  if (!other || !context || EVP_PKEY_derive_init(context.get()) != 1
      || EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1
      || EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) != 1)
    return error{0, "malformed control handshake"};
  return secret;
}

sealed_frames::key direction_key(std::string_view secret, std::string_view direction) {
  const std::string digest = hmac_sha256(secret, direction);
  sealed_frames::key key;
  static_assert(key.size() == keyed_hash_bytes);
  std::copy(digest.begin(), digest.end(), key.begin());
  return key;
}

/// The keys of both directions: client to server, server to client.
result<std::pair<sealed_frames::key, sealed_frames::key>> frame_keys(std::string_view cookie, const nonce& own,
                                                                     const nonce& theirs, const std::string& bound_to) {
  auto secret = shared_secret(own, theirs);
  if (!secret)
    return secret.error();
  const std::string root = hmac_sha256(cookie, *secret + bound_to);
  OPENSSL_cleanse(secret->data(), secret->size());
  return std::pair{direction_key(root, "client to server"), direction_key(root, "server to client")};
}

std::array<unsigned char, 12> counted(uint64_t count) {
  std::array<unsigned char, 12> bytes{};
  for (size_t i = 0; i < sizeof count; ++i)
    bytes[bytes.size() - 1 - i] = static_cast<unsigned char>(count >> (8 * i));
  return bytes;
}

} // namespace

nonce fresh_nonce() {
  nonce bytes;
  BROKER_ASSERT(RAND_bytes(bytes.data(), nonce_bytes) == 1, "the operating system gives no random bytes");
  return bytes;
}

client_handshake::client_handshake(std::string_view cookie, std::string name, const nonce& own)
  : cookie_(cookie), name_(std::move(name)), own_(own), public_(public_of(own)) {
  BROKER_ASSERT(!cookie_.empty(), "an empty cookie authenticates nobody");
}

std::string client_handshake::hello() const {
  return encode_greeting(public_, name_);
}

result<std::string> client_handshake::answer(std::string_view challenge) {
  auto theirs = decode_greeting(challenge);
  if (!theirs)
    return theirs.error();
  theirs_ = theirs->random;
  server_name_ = theirs->name;
  return prove(cookie_, client_role, public_, theirs_, name_, server_name_);
}

result<void> client_handshake::finish(std::string_view proof) const {
  if (!equal_secrets(proof, prove(cookie_, server_role, public_, theirs_, name_, server_name_)))
    return error{0, "the cookies differ"};
  return {};
}

server_handshake::server_handshake(std::string_view cookie, std::string name, const nonce& own)
  : cookie_(cookie), name_(std::move(name)), own_(own), public_(public_of(own)) {
  BROKER_ASSERT(!cookie_.empty(), "an empty cookie authenticates nobody");
}

result<std::string> server_handshake::challenge(std::string_view hello) {
  auto theirs = decode_greeting(hello);
  if (!theirs)
    return theirs.error();
  theirs_ = theirs->random;
  client_name_ = theirs->name;
  return encode_greeting(public_, name_);
}

result<std::string> server_handshake::finish(std::string_view proof) const {
  if (!equal_secrets(proof, prove(cookie_, client_role, theirs_, public_, client_name_, name_)))
    return error{0, "the cookies differ"};
  return prove(cookie_, server_role, theirs_, public_, client_name_, name_);
}

result<sealed_frames> client_handshake::frames() const {
  auto keys = frame_keys(cookie_, own_, theirs_, transcript(public_, theirs_, name_, server_name_));
  if (!keys)
    return keys.error();
  return sealed_frames{keys->first, keys->second};
}

result<sealed_frames> server_handshake::frames() const {
  auto keys = frame_keys(cookie_, own_, theirs_, transcript(theirs_, public_, client_name_, name_));
  if (!keys)
    return keys.error();
  return sealed_frames{keys->second, keys->first};
}

// -- frames
// -------------------------------------------------------------------------------------------------------------

std::string sealed_frames::seal(std::string_view plain) {
  const std::unique_ptr<EVP_CIPHER_CTX, free_key> context{EVP_CIPHER_CTX_new()};
  std::string sealed(plain.size() + seal_bytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(sealed.data());
  const auto* in = reinterpret_cast<const unsigned char*>(plain.data());
  const auto number = counted(sending_.count++);
  int size = 0, rest = 0;
  const bool done =
    context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, sending_.secret.data(), number.data()) == 1
    && EVP_EncryptUpdate(context.get(), out, &size, in, static_cast<int>(plain.size())) == 1
    && EVP_EncryptFinal_ex(context.get(), out + size, &rest) == 1
    && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, seal_bytes, out + plain.size()) == 1;
  BROKER_ASSERT(done && static_cast<size_t>(size + rest) == plain.size(), "AES-GCM seals any frame");
  return sealed;
}

result<std::string> sealed_frames::open(std::string_view sealed) {
  const error refused{0, "a frame was altered on its way"};
  if (sealed.size() < seal_bytes)
    return refused;
  const std::unique_ptr<EVP_CIPHER_CTX, free_key> context{EVP_CIPHER_CTX_new()};
  std::string plain(sealed.size() - seal_bytes, '\0');
  std::string tag{sealed.substr(plain.size())};
  auto* out = reinterpret_cast<unsigned char*>(plain.data());
  const auto* in = reinterpret_cast<const unsigned char*>(sealed.data());
  const auto number = counted(receiving_.count++);
  int size = 0, rest = 0;
  if (!context
      || EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, receiving_.secret.data(), number.data()) != 1
      || EVP_DecryptUpdate(context.get(), out, &size, in, static_cast<int>(plain.size())) != 1
      || EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, seal_bytes, tag.data()) != 1
      || EVP_DecryptFinal_ex(context.get(), out + size, &rest) != 1)
    return refused;
  return plain;
}

} // namespace broker::control
