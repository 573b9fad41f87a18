// The value of the web pages' cookie (S11, S13): a log-in that names itself and is signed, so that every node of a
// cluster knows it without having been told. The keys follow from the Erlang cookie, which all nodes of a cluster have,
// and the cluster's id, by HKDF-SHA-256 under labels of their own (RFC 5869): they are good for nothing else, and tell
// no more about the cookie than the certificates of the links do, as long as it is as random as the one that a node
// makes (guarantees.md S6).
//
// A value is hex of: format 1, id (16 random bytes), opened and stamped (unix ms, big-endian), loopback, a mark of the
// user's password hash (16 bytes), the user's name, HMAC-SHA-256 over all that. Nothing of it is secret but the
// signature, and nothing is believed before the signature is right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broker::management {

/// What a value says.
struct session_claim {
  std::string id; ///< 16 bytes
  std::string user;
  uint64_t opened_ms = 0;  ///< since 1970, by the clock of the node where the user has logged in
  uint64_t stamped_ms = 0; ///< likewise: when the value was made, at log-in or since
  bool loopback = false;   ///< made from the node's own machine: good from there only
  std::string mark;        ///< of the password: session_keys::mark_of
  friend bool operator==(const session_claim&, const session_claim&) = default;
};

/// Immutable; thread-safe.
class session_keys {
public:
  session_keys(std::string_view cookie, uint64_t cluster);
  ~session_keys();
  session_keys(const session_keys&) = delete;
  session_keys& operator=(const session_keys&) = delete;

  /// Of the browser's cookie. Clusters of one machine differ by port only, which cookies do not.
  const std::string& cookie_name() const { return cookie_name_; }
  std::string sign(const session_claim& what) const;
  /// Nothing: nobody who has the keys has made it. Takes as long for every value of a length.
  std::optional<session_claim> verify(std::string_view value) const;
  /// What requests of that log-in that change something carry besides (S13): 64 hex digits.
  std::string token_of(std::string_view id) const;
  /// Says, to those who have the keys, whether a password is still the one of the log-in.
  std::string mark_of(std::string_view id, std::string_view password_hash) const;

private:
  std::string signature_key_;
  std::string token_key_;
  std::string mark_key_;
  std::string cookie_name_;
};

std::string random_id();

} // namespace broker::management
