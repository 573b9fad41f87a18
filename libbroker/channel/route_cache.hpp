// Where publishes of one exchange and routing key go, remembered while the metadata stands still (hotpath.md rule 2).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "cluster/reachability.hpp"
#include "metadata/snapshot.hpp"
#include "model/exchange_counts.hpp"
#include "model/message.hpp"

namespace broker {

struct route {
  exchange_ptr exchange;
  std::vector<queue_id> queues;              ///< for messages that have nothing but their key to be routed by
  routed_by by = routed_by::keys;            ///< what the exchanges on the way look at
  std::vector<queue_ptr> copied;             ///< those of `queues` that are replicated, as the snapshot has them
  bool traced = false;                       ///< the firehose is on (P05)
  std::shared_ptr<exchange_counter> counter; ///< of `exchange`; null: nobody counts
  /// Every message must be looked at, whatever its flags.
  bool each_alone() const noexcept { return traced || by == routed_by::properties; }
};

/// Not thread-safe. A direct-mapped table that grows with the keys in use up to `slots_max`.
class route_cache {
public:
  static constexpr size_t slots_max = 64;

  /// `nodes` may be null: then no queue's node is ever down. `copies`: queues may be replicated. `board` may be null.
  route_cache(std::string vhost, login user, const node_reachability* nodes, bool copies, exchange_board* board)
    : vhost_(std::move(vhost)), user_(std::move(user)), nodes_(nodes), copies_(copies), board_(board) {}

  /// A queue whose node is down is no destination (as a classic queue of RabbitMQ 3.13), unless it is replicated: it
  /// will have another master. Looks up and authorises
  /// (write, W42) the exchange of `what` and routes by its routing key. Valid until the next call. Errors: 403 without
  /// permission (on the exchange, or on the key: O33) or for an internal exchange, 404 for a missing one.
  result<const route*> find(const metadata_snapshot& metadata, const message& what);
  /// Routes this very message: where more than its key matters. `copied` as in route.
  routed_by route_one(const metadata_snapshot& metadata, const exchange_record& from, const message& what,
                      std::vector<queue_id>& to, std::vector<queue_ptr>& copied);

private:
  struct slot {
    uint64_t version = 0; ///< of the snapshot; 0 = empty
    std::string exchange;
    std::string routing_key;
    route where;
  };

  slot& slot_of(uint64_t version, std::string_view exchange, std::string_view routing_key);
  result<void> fill(const metadata_snapshot& metadata, const message& what, slot& into);
  void find_counter(std::string_view exchange, route& into);
  queue_ptr copied_record(const metadata_snapshot& metadata, const queue_record& found);

  std::string vhost_;
  login user_;
  const node_reachability* nodes_;
  const bool copies_;
  exchange_board* const board_;
  uint64_t nodes_version_ = 0;
  std::vector<slot> slots_;
  std::vector<queue_ptr> found_;                    ///< scratch
  std::unordered_map<queue_id, queue_ptr> records_; ///< of queues found one by one; null: not replicated
  uint64_t records_version_ = 0;                    ///< of the snapshot
};

} // namespace broker
