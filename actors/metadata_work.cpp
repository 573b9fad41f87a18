#include "actors/metadata_work.hpp"

#include <algorithm>
#include <utility>

#include "base/raft_limits.hpp"
#include "base/run_ids.hpp"
#include "raft/membership.hpp"

namespace broker {

namespace {

using kind = metadata_change::kind;

std::string described(const char* verb, const char* type, const std::string& name, const std::string& vhost) {
  return std::string{verb} + " " + type + " '" + name + "' in vhost '" + vhost + "'";
}

/// "declare queue 'q' in vhost '/'"
std::string verb_of(const command& what) {
  if (const auto* one = std::get_if<declare_queue>(&what))
    return described("declare", "queue", one->queue.name, one->queue.vhost);
  if (const auto* one = std::get_if<delete_queue>(&what))
    return described("delete", "queue", one->name, one->vhost);
  if (const auto* one = std::get_if<declare_exchange>(&what))
    return described("declare", "exchange", one->exchange.name, one->exchange.vhost);
  if (const auto* one = std::get_if<delete_exchange>(&what))
    return described("delete", "exchange", one->name, one->vhost);
  if (const auto* one = std::get_if<bind>(&what))
    return described("add binding to", one->binding.to_exchange ? "exchange" : "queue", one->binding.destination,
                     one->vhost);
  if (const auto* one = std::get_if<unbind>(&what))
    return described("delete binding to", one->binding.to_exchange ? "exchange" : "queue", one->binding.destination,
                     one->vhost);
  return "apply the change";
}

void boot(metadata_service& service, uint64_t run) {
  service.booted = true;
  if (service.options.host.metadata.replication)
    service.node->replica_id = static_cast<replication::node_id>(service.host.identity().self);
  service.node->next_connection = service.node->next_channel = first_id_of_run(run);
  service.telling.boot(service);
}

} // namespace

void follow_node(const runtime& node, const metadata_change& change) {
  if (!node.cluster || !change.node || change.node->name == node.node)
    return;
  if (change.what == kind::node_registered || change.what == kind::node_up)
    node.cluster->connect(change.node->name, change.node->host, change.node->port);
  if (change.what == kind::node_forgotten)
    node.cluster->forget(change.node->name);
}

asker asker_of(proposal& what, bool in_cluster) {
  asker who{std::move(what.done), {}, 0};
  if (!in_cluster)
    return who;
  who.what = verb_of(what.what);
  if (const auto* one = std::get_if<delete_exclusive_queues>(&what.what))
    who.owner = one->owner;
  return who;
}

command_result refused(consensus::outcome why, const std::string& what) {
  std::string text = "INTERNAL_ERROR - ";
  switch (why) {
  case consensus::outcome::overloaded:
    text += "metadata store is overloaded";
    break;
  case consensus::outcome::refused:
    text += "the change is too large for the metadata store";
    break;
  case consensus::outcome::lost:
    text += "Could not " + what + " because the metadata store operation timed out; it may still take place";
    break;
  default:
    text += "Could not " + what + " because the metadata store operation timed out";
  }
  command_result result;
  result.failure = error{541, std::move(text)};
  return result;
}

result<void> boot_if_ready(metadata_service& service, const metadata_flush& flushed) {
  for (const auto& change : flushed.changes) {
    if (change.what == kind::queue_deleted)
      service.gone.push_back(change.queue->id);
    follow_node(*service.node, change);
  }
  const auto started = std::find_if(flushed.done.begin(), flushed.done.end(),
                                    [](const metadata_completion& one) { return one.id == start_ticket; });
  if (started == flushed.done.end())
    return {};
  // Applied, but as part of a snapshot that was received: nobody saw its answer, the table of nodes has it.
  const node_ptr own = service.host.snapshot()->find_node(service.host.identity().self);
  const bool unseen =
    started->what == consensus::outcome::lost && own && own->incarnation == service.options.start.incarnation;
  const bool ok = unseen || (started->what == consensus::outcome::ok && started->result.ok());
  result<void> outcome =
    ok ? result<void>{} : error{0, "the node's first metadata change was refused: " + started->result.failure.text};
  if (ok) {
    boot(service, unseen ? own->run : started->result.number);
    service.ready_by_ms = service.node->now_ms() + limits::metadata_vote_wait_ms;
  } else if (service.options.ready) {
    std::exchange(service.options.ready, nullptr)(outcome);
  }
  return outcome;
}

void say_ready(metadata_service& service) {
  if (!service.booted || service.telling.busy() || !service.options.ready)
    return;
  const consensus::membership& members = service.host.group().members();
  if (raft::is_voter(members, service.host.identity().self) || members.voters.size() >= limits::metadata_voters_max
      || service.node->now_ms() >= service.ready_by_ms)
    std::exchange(service.options.ready, nullptr)({});
}

void connect_known_nodes(metadata_service& service) {
  for (const node_record& one : service.host.known_nodes())
    follow_node(*service.node, {kind::node_registered, nullptr, one.name, std::make_shared<const node_record>(one)});
}

metadata_status status_of(const metadata_service& service) {
  const metadata_host& host = service.host;
  metadata_status out;
  out.cluster = host.identity().cluster;
  out.self = host.identity().self;
  out.leader = host.leader();
  out.term = host.group().term();
  out.applied = host.applied_index();
  out.committed = host.group().commit_index();
  out.members = host.group().members();
  return out;
}

} // namespace broker
