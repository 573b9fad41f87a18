// Log-ins of the web pages (S11, S13): whoever has shown a password once is known by a cookie until a time is over,
// instead of a browser that keeps the password. Sans-IO; not thread-safe.
//
// The cookie's value is signed (session_token.hpp). A node that sees a value of another node for the first time takes
// the log-in over if the value was stamped within the time that a session may be unused: pages have it stamped anew
// every few minutes. So behind a balancer any node will do.
//
// A session ends on logging out, when it was not used for long, when it is old, when the user's password changes or the
// user goes, and when its user has opened too many since. Ended ones are remembered until no value of theirs could be
// taken over any more, and told to all nodes, this one after a restart too, with the metadata (ended_sessions.hpp). A
// node that has been without the others for a while may have missed some: it takes none that is older than that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "management/ended_sessions.hpp"
#include "management/session_token.hpp"
#include "metadata/records.hpp"

namespace broker::management {

struct session_limits {
  size_t most = 1'024;                        ///< of this node; own choice
  size_t per_user_most = 32;                  ///< likewise
  size_t ended_most = 16'384;                 ///< remembered; own choice
  size_t told_most = 1'024;                   ///< of them, that have ended here; 46 KiB of metadata; own choice
  uint64_t idle_ms = 30 * 60 * 1'000;         ///< own choice
  uint64_t life_ms = uint64_t{8} * 3'600'000; ///< RabbitMQ's login_session_timeout
  uint64_t stamp_ms = 4 * 60 * 1'000;         ///< an older value is made anew when a page asks
  uint64_t clocks_ms = 60 * 1'000;            ///< nodes' clocks may differ by; own choice
  uint64_t cut_off_ms = 5 * 60 * 1'000;       ///< without the others, until only newer log-ins are good; own choice
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
  uint64_t number = 0; ///< of this node, never used again, no secret
  session_claim claim;
  proof_of_login who;
  std::string token;    ///< what requests that change something carry besides the cookie
  uint64_t ends_ms = 0; ///< monotonic, as used_ms
  uint64_t used_ms = 0;
  uint64_t here_ms = 0; ///< when the password was shown to this node; 0: taken over
};

/// Two clocks at one moment: sessions of this node last by the first, what nodes tell each other is of the second.
struct moment {
  uint64_t monotonic_ms = 0;
  uint64_t unix_ms = 0;
  uint64_t cut_off_for_ms = 0; ///< since when this node has had no majority; 0 = it has one
};

class session_table {
public:
  using find_user = std::function<std::shared_ptr<const user_record>(const std::string& name)>;

  explicit session_table(session_limits limits = {}) : limits_(limits) {}

  struct opened {
    std::string value; ///< of the cookie
    std::string token;
  };
  /// The user's longest unused session ends if there are too many; or anybody's.
  opened open(const session_keys& keys, proof_of_login who, moment now);
  /// Counts as a use. Null: there is none, or it is over.
  const login_session* find(const session_keys& keys, std::string_view value, moment now, const find_user& users);
  /// The value with the time of now; nothing if that of the session which was found by it is young enough.
  std::optional<std::string> stamped(const session_keys& keys, const login_session& one, std::string_view value,
                                     moment now) const;
  /// Counts as a use. Costs time linear in the sessions.
  bool still_open(uint64_t number, moment now);
  /// By session_claim::id; also of a session that only other nodes know. All are to be told: ended_here().
  void end(std::string id, moment now);
  /// What others have told, or this node before it was restarted (`here`).
  void learn(const ended_sessions& what, bool here);
  /// What all others are to know by now.
  ended_sessions ended_here(moment now);
  /// Forgets those whose time is over.
  void sweep(moment now);
  size_t size() const { return sessions_.size(); }
  size_t ended() const { return ended_.size(); }

private:
  bool is_over(const login_session& one, moment now) const;
  bool may_have_missed_its_end(const login_session& one, moment now) const;
  void forget_before(uint64_t stamped_ms);
  bool may_be_taken_over(const session_claim& claim, moment now) const;
  const login_session* take_over(const session_keys& keys, session_claim claim, moment now, const find_user& users);
  login_session& add(const session_keys& keys, session_claim claim, proof_of_login who, moment now);
  void make_room(const std::string& user, moment now);

  const session_limits limits_;
  uint64_t taken_over_since_ms_ = 0; ///< nothing that was stamped before
  uint64_t last_ = 0;
  std::map<std::string, login_session, std::less<>> sessions_; ///< by id
  std::map<std::string, uint64_t, std::less<>> ended_;         ///< by id: until when (unix) it is remembered
  ended_sessions here_;                                        ///< those of them that have ended here
};

} // namespace broker::management
