// The replicated state machine of the metadata (architecture.md D9, guarantees.md G8): applies commands in log order
// and hands out immutable snapshots. Deterministic: the same commands give the same state, ids, results and serialised
// bytes on every node. Single-threaded; snapshots may be read from anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "exchanges/standard_types.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

struct metadata_settings {
  std::string node = "rabbit@localhost";
  std::vector<std::string> loopback_users = {"guest"};
  std::string default_vhost = "/";
  exchange_types_ptr exchange_types = standard_exchange_types(); ///< the same on every node of a cluster
};

/// A new state holds the default vhost with its built-in exchanges (W35) and no user; see node_started.
class metadata_state {
public:
  explicit metadata_state(metadata_settings settings);
  ~metadata_state();

  /// Applies one command. Changes the actor layer must carry out are appended to `changes`.
  command_result apply(const command& what, std::vector<metadata_change>& changes);
  /// The state after the last apply. Cheap: a reference.
  snapshot_ptr snapshot() const;

  /// Everything, deterministic bytes; for consensus snapshots.
  std::string serialise() const;
  /// Replaces the state. Error: the bytes are not a snapshot; the state is then unchanged.
  result<void> restore(std::string_view bytes);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Protobuf (proto/metadata.proto).
std::string encode_command(const command& what);
result<command> decode_command(std::string_view bytes);

/// base64(salt + sha256(salt + password)), salt of four bytes (guarantees.md S2).
std::string hash_password(std::string_view password, std::string_view salt);

} // namespace broker
