// The replicated state machine of the metadata (architecture.md D9, guarantees.md G8): applies commands in log order
// and hands out immutable snapshots. Deterministic: the same commands give the same state, ids, results and serialised
// bytes on every node. Single-threaded; snapshots may be read from anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
  /// Queues that policies or their type want copies of get placements. False until the actor exists that runs a replica
  /// per queue and node: nothing is then different from a broker without replication. The same on every node, and for
  /// the whole life of a cluster: a log that was applied without it leads to another state.
  bool replication = false;
};

/// The whole state as it was at one moment; shares everything unchanged with the state. Immutable, any thread.
class metadata_image {
public:
  virtual ~metadata_image() = default;
  /// Everything, deterministic bytes; for consensus snapshots. Takes time linear in the state.
  virtual std::string serialise() const = 0;
};

/// A new state holds the default vhost with its built-in exchanges (W35) and no user; see node_started.
class metadata_state {
public:
  explicit metadata_state(metadata_settings settings);
  ~metadata_state();

  /// Applies one command. Changes the actor layer must carry out are appended to `changes`.
  command_result apply(const command& what, std::vector<metadata_change>& changes);
  /// Applies one entry of the log. Empty: this proposal has been applied before, one before it is missing, or its run
  /// is over; nothing has changed.
  std::optional<command_result> apply(const proposed_command& what, std::vector<metadata_change>& changes);
  /// Sequence of the last proposal applied of that run of that node; 0 if none, or if another run is the present one.
  uint64_t last_applied(uint64_t node, uint64_t run) const;
  /// The present run of a node and its last proposal; zeros for a node that is not registered or was never up.
  proposer last_of(uint64_t node) const;
  /// This id was a node's once, which is none any more.
  bool was_forgotten(uint64_t node) const;

  /// The state after the last apply. Cheap: a reference.
  snapshot_ptr snapshot() const;
  /// The same, but it counts no queue as created yet (metadata_snapshot::next_queue_id): for a node that has not
  /// started them yet.
  snapshot_ptr snapshot_before_queues() const;

  /// The state after the last apply, for writing it while the state goes on. Cheap: references.
  std::shared_ptr<const metadata_image> image() const;
  std::string serialise() const { return image()->serialise(); }
  /// Replaces the state. Error: the bytes are not a snapshot; the state is then unchanged.
  result<void> restore(std::string_view bytes);
  /// A state that was restored elsewhere takes this one's place, and gets this one's content: with a large state,
  /// ending it takes as long as restoring it. Cheap.
  void change_places(metadata_state& fresh);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What the actor layer of a node must carry out that has received the snapshot `is` and had `was`, in the order of
/// queues' ids and of names. Takes time linear in both. Any thread.
std::vector<metadata_change> difference_of(const metadata_snapshot& was, const metadata_snapshot& is);

/// Protobuf (proto/metadata.proto).
std::string encode_command(const command& what, const proposer& by = {});
result<command> decode_command(std::string_view bytes);
result<proposed_command> decode_proposed(std::string_view bytes);

/// base64(salt + sha256(salt + password)), salt of four bytes (guarantees.md S2).
std::string hash_password(std::string_view password, std::string_view salt);

} // namespace broker
