// Passwords and permissions (guarantees.md S2, S3, S10; features.md S12).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// Does `password` give `hash` under the algorithm `hashing` (user_record)? The time taken does not depend on where
/// they differ, nor on whether `hash` is usable at all. A blank password matches nothing (S2), nor does an unknown
/// algorithm.
bool password_matches(std::string_view hashing, std::string_view hash, std::string_view password);
/// rabbit_password_hashing_sha256, _sha512 or _md5: what imported users may have (O28).
bool is_known_hashing(std::string_view hashing);

/// Compares against a hash nobody has: what an unknown user costs (S3). Always false.
bool refuse_password(std::string_view password);

/// A permission row with its regular expressions compiled. Immutable, thread-safe.
class user_rights {
public:
  /// Regular expressions are RE2's, unanchored; an empty one means ^$. Error (code 0) in rabbitmqctl's words.
  static result<std::shared_ptr<const user_rights>> compile(std::string user, permission rights);
  ~user_rights();

  bool may_configure(std::string_view name) const;
  bool may_write(std::string_view name) const;
  bool may_read(std::string_view name) const;

  const std::string user;
  const permission rights;

private:
  struct expressions;
  user_rights(std::string name, permission what, std::unique_ptr<const expressions> compiled);

  std::unique_ptr<const expressions> compiled_;
};

/// What a user may publish to and bind with on one topic exchange (O33). A routing key is matched by RE2, unanchored,
/// after {username}, {vhost} and {client_id} have been replaced. Immutable, thread-safe.
class topic_rights {
public:
  /// Error (code 0) in rabbitmqctl's words.
  static result<std::shared_ptr<const topic_rights>> compile(std::string user, topic_permission rights);
  static std::string key_of(std::string_view user, std::string_view exchange);
  ~topic_rights();

  bool may_write(std::string_view routing_key, std::string_view vhost, std::string_view client_id) const;
  bool may_read(std::string_view routing_key, std::string_view vhost, std::string_view client_id) const;

  const std::string user;
  const topic_permission rights;
  const std::string key; ///< key_of

private:
  struct expressions;
  topic_rights(std::string name, topic_permission what, std::unique_ptr<const expressions> compiled);

  std::unique_ptr<const expressions> compiled_;
};

} // namespace broker
