// Mutual proof that both ends of a control connection hold the same cookie (guarantees.md S6), without a socket:
//
//   client → hello      magic, version, 32-byte nonce, own name
//   server → challenge  magic, version, 32-byte nonce, node name
//   client → proof      HMAC-SHA-256(cookie, 'C' ‖ client nonce ‖ server nonce ‖ client name ‖ node name)
//   server → proof      the same with 'S'; sent only after the client's proof held
//
// The cookie never travels. Fresh nonces from both sides defeat replay; the role byte defeats reflection; the
// length-prefixed names bind the proof to this pair. Comparison is in constant time. Nothing but these fixed shapes is
// parsed before success.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker::control {

/// Largest frame payload before authentication, in bytes.
inline constexpr size_t handshake_frame_max_bytes = 512;
inline constexpr size_t nonce_bytes = 32;
inline constexpr size_t proof_bytes = 32;
using nonce = std::array<unsigned char, nonce_bytes>;

/// From the operating system's source.
nonce fresh_nonce();

/// The tool's side. Single-threaded; call the functions in this order.
class client_handshake {
public:
  client_handshake(std::string_view cookie, std::string name, const nonce& own);
  std::string hello() const;
  /// Takes the challenge, gives the proof to send.
  result<std::string> answer(std::string_view challenge);
  /// Does the server hold the cookie too?
  result<void> finish(std::string_view proof) const;
  /// As the server named itself; known after answer().
  const std::string& server_name() const { return server_name_; }

private:
  std::string cookie_;
  std::string name_;
  std::string server_name_;
  nonce own_;
  nonce theirs_{};
};

/// The node's side. Single-threaded; call the functions in this order.
class server_handshake {
public:
  server_handshake(std::string_view cookie, std::string name, const nonce& own);
  /// Takes the hello, gives the challenge to send.
  result<std::string> challenge(std::string_view hello);
  /// Takes the client's proof, gives our own. Error: the client does not hold the cookie.
  result<std::string> finish(std::string_view proof) const;

private:
  std::string cookie_;
  std::string name_;
  std::string client_name_;
  nonce own_;
  nonce theirs_{};
};

} // namespace broker::control
