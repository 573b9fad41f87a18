#include "control_auth.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/limits.hpp"

namespace broker::control {

namespace {

constexpr std::string_view magic{"WCTL\x01", 5}; // the last byte is the version
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

std::string prove(std::string_view cookie, char role, const nonce& client, const nonce& server,
                  std::string_view client_name, std::string_view server_name) {
  std::string text{"warren control 1 "};
  text.push_back(role);
  text.append(reinterpret_cast<const char*>(client.data()), client.size());
  text.append(reinterpret_cast<const char*>(server.data()), server.size());
  for (const auto name : {client_name, server_name}) {
    text.push_back(static_cast<char>(name.size()));
    text.append(name);
  }
  std::string proof(proof_bytes, '\0');
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), cookie.data(), static_cast<int>(cookie.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                          reinterpret_cast<unsigned char*>(proof.data()), &size);
  BROKER_ASSERT(done != nullptr && size == proof_bytes, "HMAC-SHA-256 gives 32 bytes");
  return proof;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace

nonce fresh_nonce() {
  nonce bytes;
  BROKER_ASSERT(RAND_bytes(bytes.data(), nonce_bytes) == 1, "the operating system gives no random bytes");
  return bytes;
}

client_handshake::client_handshake(std::string_view cookie, std::string name, const nonce& own)
  : cookie_(cookie), name_(std::move(name)), own_(own) {
  BROKER_ASSERT(!cookie_.empty(), "an empty cookie authenticates nobody");
}

std::string client_handshake::hello() const {
  return encode_greeting(own_, name_);
}

result<std::string> client_handshake::answer(std::string_view challenge) {
  auto theirs = decode_greeting(challenge);
  if (!theirs)
    return theirs.error();
  theirs_ = theirs->random;
  server_name_ = theirs->name;
  return prove(cookie_, client_role, own_, theirs_, name_, server_name_);
}

result<void> client_handshake::finish(std::string_view proof) const {
  if (!equal(proof, prove(cookie_, server_role, own_, theirs_, name_, server_name_)))
    return error{0, "the cookies differ"};
  return {};
}

server_handshake::server_handshake(std::string_view cookie, std::string name, const nonce& own)
  : cookie_(cookie), name_(std::move(name)), own_(own) {
  BROKER_ASSERT(!cookie_.empty(), "an empty cookie authenticates nobody");
}

result<std::string> server_handshake::challenge(std::string_view hello) {
  auto theirs = decode_greeting(hello);
  if (!theirs)
    return theirs.error();
  theirs_ = theirs->random;
  client_name_ = theirs->name;
  return encode_greeting(own_, name_);
}

result<std::string> server_handshake::finish(std::string_view proof) const {
  if (!equal(proof, prove(cookie_, client_role, theirs_, own_, client_name_, name_)))
    return error{0, "the cookies differ"};
  return prove(cookie_, server_role, theirs_, own_, client_name_, name_);
}

} // namespace broker::control
