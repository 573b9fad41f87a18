// An immutable, consistent view of the metadata at one log position: what routing, authentication and authorisation
// read without locks (architecture.md D5). Changing it copies the touched part only, so a snapshot of 100,000 queues
// costs a change microseconds, not milliseconds. Thread-safe: const.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "exchanges/standard_types.hpp"
#include "metadata/command.hpp"
#include "metadata/records.hpp"
#include "model/message.hpp"

namespace broker {

using queue_ptr = std::shared_ptr<const queue_record>;
using exchange_ptr = std::shared_ptr<const exchange_record>;

/// The user behind a connection.
struct login {
  std::string user;
  std::vector<std::string> tags;
  std::string client_id = {}; ///< of protocols that have one; {client_id} of topic permissions
  bool has_tag(std::string_view tag) const;
};

enum class resource_kind : uint8_t { queue, exchange };
enum class access : uint8_t { configure, write, read };

class metadata_snapshot {
public:
  virtual ~metadata_snapshot() = default;

  /// Rises with every applied command that changed anything; caches compare it.
  virtual uint64_t version() const = 0;
  /// Every queue with a lower id has been created as of this snapshot, and perhaps been deleted; no other has.
  virtual queue_id next_queue_id() const { return UINT64_MAX; }

  virtual bool vhost_exists(std::string_view vhost) const = 0;
  virtual queue_ptr find_queue(std::string_view vhost, std::string_view name) const = 0;
  virtual exchange_ptr find_exchange(std::string_view vhost, std::string_view name) const = 0;

  /// Appends every queue one publish reaches, each once (W43), alternate exchanges and CC/BCC included (W46, W47).
  /// `what` gives exchange, routing key and, only where needed, headers. `from` is what.exchange()'s record.
  /// Returns what the exchanges on the way look at, so that the caller knows how long the answer is good.
  virtual routed_by route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const = 0;
  /// Is the firehose on there (trace_on, P05)?
  virtual bool tracing(std::string_view vhost) const {
    static_cast<void>(vhost);
    return false;
  }
  /// In any vhost?
  virtual bool any_tracing() const { return false; }
  /// The types that exchanges can have. The same in every snapshot of a node.
  virtual const broker::exchange_types& exchange_types() const { return *standard_exchange_types(); }

  /// Checks a password in constant time; an unknown user costs the same (guarantees.md S3). `loopback`: the peer is
  /// local; users in loopback_users are refused otherwise (S13). Error 403; its text is RabbitMQ's for the log and
  /// rabbitmqctl
  /// ("user 'u' - invalid credentials"). The client must not learn why: the session answers with "ACCESS_REFUSED -
  /// Login was refused using authentication mechanism PLAIN. For details see the broker logfile." and its mechanism's
  /// name.
  virtual result<login> authenticate(std::string_view user, std::string_view password, bool loopback) const = 0;
  /// May this user open the vhost (W08)? Error 530.
  virtual result<void> open_vhost(const login& who, std::string_view vhost) const = 0;
  /// The one authorisation function (S10). Error 403: "ACCESS_REFUSED - configure access to queue 'q' in vhost '/'
  /// refused for user 'u'" as RabbitMQ 3.13 writes it.
  virtual result<void> authorise(const login& who, std::string_view vhost, resource_kind kind, std::string_view name,
                                 access how) const = 0;
  /// Topic permissions (O33), after `authorise`: may this user publish with (write) or bind with (read) the routing
  /// key? Exchanges of other types, and users without a rule for the exchange, are free to. Error 403, as RabbitMQ 3.13
  /// writes it: "ACCESS_REFUSED - write access to topic 'k' in exchange 'x' in vhost '/' refused for user 'u'".
  virtual result<void> authorise_topic(const login& who, const exchange_record& exchange, access how,
                                       std::string_view routing_key) const;
  /// May a user with so many connections, in a vhost with so many, open one more (O32)? Error 530.
  virtual result<void> admit_connection(const login& who, std::string_view vhost, uint64_t of_vhost,
                                        uint64_t of_user) const;
  /// May a user with so many channels open one more? Error 530.
  virtual result<void> admit_channel(const login& who, uint64_t of_user) const;

  /// Options that a queue would have with the policies in force now.
  virtual queue_options options_of(const queue_record& wanted) const;

  /// By vhost and name, which takes a millisecond or more for some thousands.
  virtual void for_each_queue(const std::function<void(const queue_ptr&)>& visit) const = 0;
  /// The same queues in no particular order, which takes a tenth of the time. Equal histories give equal orders.
  virtual void visit_queues(const std::function<void(const queue_ptr&)>& visit) const { for_each_queue(visit); }
  static constexpr size_t parts_max = 1024;
  /// Those of one of `parts` parts, a power of two up to parts_max: together the parts have each queue once, and a
  /// queue is in the same part in every snapshot.
  virtual void visit_queues(size_t part, size_t parts, const std::function<void(const queue_ptr&)>& visit) const;
  /// How many for_each_queue() visits.
  virtual uint64_t queue_count() const;
  virtual void for_each_exchange(const std::function<void(const exchange_ptr&)>& visit) const = 0;
  virtual void
  for_each_binding(const std::function<void(std::string_view vhost, const binding_record&)>& visit) const = 0;
  virtual void for_each_user(const std::function<void(const user_record&)>& visit) const = 0;
  virtual void for_each_permission(
    const std::function<void(std::string_view vhost, std::string_view user, const permission&)>& visit) const = 0;

  // -- what operators set. Not pure: a small snapshot of a test need not know them --
  /// Null if there is none of that name.
  virtual std::shared_ptr<const vhost_record> find_vhost(std::string_view vhost) const;
  virtual std::shared_ptr<const user_record> find_user(std::string_view user) const;
  /// Each of these in the order of vhost, then name; policies of a vhost in order of precedence.
  virtual void for_each_vhost(const std::function<void(const vhost_record&)>& visit) const;
  virtual void for_each_policy(bool operators, const std::function<void(const policy_record&)>& visit) const;
  virtual void for_each_topic_permission(
    const std::function<void(std::string_view vhost, std::string_view user, const topic_permission&)>& visit) const;
  /// Parameters of vhosts: by component, then name.
  virtual void for_each_parameter(const std::function<void(const parameter_record&)>& visit) const;
  virtual void for_each_global_parameter(const std::function<void(const parameter_record&)>& visit) const;
  /// A global parameter's JSON text; empty if there is none.
  virtual std::string find_global_parameter(std::string_view name) const;

  // -- the cluster --
  /// Nodes by id.
  virtual void for_each_node(const std::function<void(const node_ptr&)>& visit) const;
  node_ptr find_node(std::string_view name) const;
  node_ptr find_node(uint64_t id) const;
  /// Random number of the cluster; 0 before the first node_started.
  virtual uint64_t cluster() const { return 0; }
};
using snapshot_ptr = std::shared_ptr<const metadata_snapshot>;

/// Into how many parts visit_queues() should divide the queues so that one has about so many.
size_t parts_of(const metadata_snapshot& in, size_t queues);

} // namespace broker
