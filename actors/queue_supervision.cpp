#include "actors/queue_supervision.hpp"

#include <utility>

namespace broker {

void queue_supervision::drain(const runtime& node, const metadata_snapshot& in) {
  std::vector<replication::node_id> ids;
  for (const std::string& name : node.bridges.drained())
    if (const node_ptr one = in.find_node(name))
      ids.push_back(static_cast<replication::node_id>(one->id));
  supervisor_.drain(std::move(ids));
}

bool queue_supervision::step(metadata_service& service, const metadata_flush& flushed,
                             const std::function<void(change_placement)>& propose) {
  metadata_host& host = service.host;
  if (!host.leads()) {
    leads_ = false;
    return false;
  }
  const uint64_t now = service.node->now_ms();
  const snapshot_ptr in = host.snapshot();
  if (!std::exchange(leads_, true) || flushed.leadership)
    supervisor_.begin(now, *in);
  else
    supervisor_.follow(now, flushed.changes, *in);
  drain(*service.node, *in);
  if (supervisor_.next_step(now) > now)
    return false;
  supervision wanted = supervisor_.step(now, *in);
  for (change_placement& each : wanted.proposals)
    propose(std::move(each));
  for (const master_move& each : wanted.moves)
    if (const node_ptr master = in->find_node(uint64_t{each.from}))
      host.move_master(master->name, {each.id, each.mastership, each.to});
  return !wanted.proposals.empty() || !wanted.moves.empty();
}

} // namespace broker
