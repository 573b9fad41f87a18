// What the metadata actor does with the outcome of a flush (see also metadata_telling.hpp). Internal to
// actors/metadata.cpp; every function runs in that actor, or before it is spawned.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/cluster.hpp"
#include "actors/metadata.hpp"
#include "actors/metadata_telling.hpp"
#include "metadata/placement_news.hpp"

namespace broker {

/// Of node_started.
inline constexpr consensus::ticket start_ticket = 1;
inline constexpr consensus::ticket first_free_ticket = 2;

/// The metadata's way to other nodes: their links.
class linked_peers final : public metadata_peers {
public:
  explicit linked_peers(cluster_links* links) : links_(links) {}
  void send_datagram(const std::string& node, std::string bytes) override {
    links_->send_datagram(node, cluster_service::metadata, std::move(bytes));
  }
  bool send(const std::string& node, std::string bytes) override {
    return links_->send(node, cluster_service::metadata, std::move(bytes));
  }

private:
  cluster_links* links_;
};

/// The host with what it needs around it; moved into the actor when the node is up.
struct metadata_service {
  runtime* node = nullptr;
  metadata_options options;
  linked_peers peers;
  metadata_host host;
  bool booted = false;
  uint64_t ready_by_ms = 0; ///< once booted, if it is not ready yet
  /// Of queues deleted before the node was up to date.
  std::vector<queue_id> gone;
  /// Connections that have ended, and whose exclusive queues could not be deleted yet.
  std::vector<connection_id> doomed_owners;
  uint64_t clean_up_at_ms = 0;
  uint64_t session_due_ms = 0; ///< when the node takes a new session; 0: it wants none
  /// Replicas of this node that were ended though their queues live on; should they be wanted again.
  std::map<queue_id, caf::actor> ended_replicas;
  uint64_t forget_idle_at_ms = 0; ///< when replicas look for channels that have gone unheard; 0: not yet known
  news_limit news;                ///< of copies of queues, for the log
  metadata_telling telling;

  metadata_service(runtime& of, metadata_options how)
    : node(&of), options(std::move(how)), peers(of.cluster),
      host(options.host, *options.store, of.cluster ? &peers : nullptr) {}
};

/// Who waits for a proposal.
struct asker {
  std::function<void(command_result)> done;
  std::string what;        ///< "declare queue 'q' in vhost '/'"; only where a proposal can fail for want of others
  connection_id owner = 0; ///< of delete_exclusive_queues
  bool at_once = false;    ///< whatever this node's actors have not been told of yet
};
asker asker_of(proposal& what, bool in_cluster);
/// 541, in RabbitMQ's words where it has some (G5).
command_result refused(consensus::outcome why, const std::string& what);

/// If node_started is among what was done: the node's queues are to be started (metadata_service::telling).
/// Error: this node cannot be part of its cluster; said, too.
result<void> boot_if_ready(metadata_service& service, const metadata_flush& flushed);
/// The links follow the table of nodes.
void follow_node(const runtime& node, const metadata_change& change);
/// Says `ready` once the node is up to date, its queues are started, and it votes, if it is to vote.
void say_ready(metadata_service& service);
/// As the state that was stored last knows them; later ones come as changes.
void connect_known_nodes(metadata_service& service);
metadata_status status_of(const metadata_service& service);

} // namespace broker
