// Mutual proof that both ends of a control connection hold the same cookie (guarantees.md S6), and the cipher that
// every frame after it is sealed with; without a socket:
//
//   client → hello      magic, version, 32-byte X25519 public key, own name
//   server → challenge  magic, version, 32-byte X25519 public key, node name
//   client → proof      HMAC-SHA-256(cookie, 'C' ‖ client key ‖ server key ‖ client name ‖ node name)
//   server → proof      the same with 'S'; sent only after the client's proof held
//   then                AES-256-GCM, a key per direction: HMAC(HMAC(cookie, X25519 secret ‖ keys ‖ names), direction)
//
// The cookie never travels. Keys are fresh for each connection: that defeats replay, and who learns the cookie later
// cannot read what was recorded before. The role byte defeats reflection; the length-prefixed names bind the proof to
// this pair. Frames are counted, so none can be left out, repeated or put elsewhere. Comparison is in constant time.
// Nothing but these fixed shapes is parsed before success.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker::control {

/// Largest frame payload before authentication, in bytes.
inline constexpr size_t handshake_frame_max_bytes = 512;
inline constexpr size_t nonce_bytes = 32;
using nonce = std::array<unsigned char, nonce_bytes>;

/// From the operating system's source: the private half of a key pair.
nonce fresh_nonce();

/// What sealing adds to a frame, in bytes.
inline constexpr size_t seal_bytes = 16;

/// Both directions of an authenticated connection. Single-threaded.
class sealed_frames {
public:
  using key = std::array<unsigned char, 32>;
  sealed_frames(const key& sending, const key& receiving) : sending_{sending, 0}, receiving_{receiving, 0} {}
  std::string seal(std::string_view plain);
  /// Error: altered, repeated, left out before, or not sealed with our key. The connection must end then.
  result<std::string> open(std::string_view sealed);

private:
  struct direction {
    key secret;
    uint64_t count; ///< of frames; is the nonce
  };
  direction sending_;
  direction receiving_;
};

/// The tool's side. Single-threaded; call the functions in this order.
class client_handshake {
public:
  /// `own` is used once only.
  client_handshake(std::string_view cookie, std::string name, const nonce& own);
  std::string hello() const;
  /// Takes the challenge, gives the proof to send.
  result<std::string> answer(std::string_view challenge);
  /// Does the server hold the cookie too?
  result<void> finish(std::string_view proof) const;
  /// After finish() has succeeded.
  result<sealed_frames> frames() const;
  /// As the server named itself; known after answer().
  const std::string& server_name() const { return server_name_; }

private:
  std::string cookie_;
  std::string name_;
  std::string server_name_;
  nonce own_;      ///< private key
  nonce public_;   ///< what belongs to it
  nonce theirs_{}; ///< public key
};

/// The node's side. Single-threaded; call the functions in this order.
class server_handshake {
public:
  server_handshake(std::string_view cookie, std::string name, const nonce& own);
  /// Takes the hello, gives the challenge to send.
  result<std::string> challenge(std::string_view hello);
  /// Takes the client's proof, gives our own. Error: the client does not hold the cookie.
  result<std::string> finish(std::string_view proof) const;
  /// After finish() has succeeded.
  result<sealed_frames> frames() const;

private:
  std::string cookie_;
  std::string name_;
  std::string client_name_;
  nonce own_;      ///< private key
  nonce public_;   ///< what belongs to it
  nonce theirs_{}; ///< public key
};

} // namespace broker::control
