// Log-ins of the web pages (S11): whoever has shown a password once is known by a cookie until a time is over, instead
// of a browser that keeps the password. Sans-IO; not thread-safe.
//
// The cookie's value and the token that requests which change something must repeat are 256 random bits each. Sessions
// are found by the SHA-256 of the value, so that the time a search takes tells nothing about values that exist; tokens
// are compared in constant time. A session ends on logging out, when it was not used for long, when it is old, when the
// user's password changes or the user goes, and when its user has opened too many since. It lives in this node's memory
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "metadata/records.hpp"

namespace broker::management {

struct session_limits {
  size_t most = 1'024;                        ///< own choice
  size_t per_user_most = 32;                  ///< own choice
  uint64_t idle_ms = 30 * 60 * 1'000;         ///< own choice
  uint64_t life_ms = uint64_t{8} * 3'600'000; ///< RabbitMQ's login_session_timeout
};

/// Whose log-in it is, and what that log-in stands on.
struct proof_of_login {
  std::string user;
  std::string password_hash; ///< of the time of the log-in
  bool loopback = false;     ///< made from the node's own machine: good from there only

  /// The user as of now; null when the log-in is over.
  std::shared_ptr<const user_record> still_good(const std::shared_ptr<const user_record>& now) const {
    return now && now->name == user && now->password_hash == password_hash ? now : nullptr;
  }
};

struct login_session {
  uint64_t number = 0; ///< never used again, no secret
  proof_of_login who;
  std::string token; ///< what requests that change something carry besides the cookie
  uint64_t opened_ms = 0;
  uint64_t used_ms = 0;
};

class session_table {
public:
  explicit session_table(session_limits limits = {}) : limits_(limits) {}

  struct opened {
    std::string value; ///< of the cookie; told to nobody else and not kept
    std::string token;
  };
  /// The user's longest unused session goes if there are too many; or anybody's. Times are monotonic milliseconds.
  opened open(proof_of_login who, uint64_t now_ms);
  /// Counts as a use. Null: none, or it is over.
  const login_session* find(std::string_view value, uint64_t now_ms);
  /// Counts as a use. Costs time linear in the sessions.
  bool still_open(uint64_t number, uint64_t now_ms);
  void close(std::string_view value);
  /// Forgets those whose time is over.
  void sweep(uint64_t now_ms);
  size_t size() const { return sessions_.size(); }

private:
  bool is_over(const login_session& one, uint64_t now_ms) const;
  void make_room(const std::string& user);

  const session_limits limits_;
  uint64_t last_ = 0;
  std::map<std::string, login_session, std::less<>> sessions_; ///< by digest of the value
};

/// In constant time for texts of one length.
bool equal_secrets(std::string_view one, std::string_view other);

} // namespace broker::management
