#include "actors/queue_supervision.hpp"

#include <algorithm>
#include <utility>

namespace broker {

namespace {

void ask_for_moves(metadata_host& host, const metadata_snapshot& in, const std::vector<master_move>& moves) {
  for (const master_move& each : moves)
    if (const node_ptr master = in.find_node(uint64_t{each.from}))
      host.move_master(master->name, {each.id, each.mastership, each.to});
}

void note(const metadata_service& service, const std::string& text) {
  if (service.options.note)
    service.options.note(text);
}

} // namespace

std::vector<replication::node_id> drained_nodes(const runtime& node, const metadata_snapshot& in) {
  std::vector<replication::node_id> ids;
  for (const std::string& name : node.bridges.drained())
    if (const node_ptr one = in.find_node(name))
      ids.push_back(static_cast<replication::node_id>(one->id));
  std::sort(ids.begin(), ids.end());
  return ids;
}

void ordered_rebalance::begin(const metadata_service& service, metadata_rebalance what) {
  if (done_)
    return what.done(error{0, "rebalance_in_progress"});
  const snapshot_ptr in = service.host.snapshot();
  const auto moves = balancing_moves(*in, drained_nodes(*service.node, *in), what.which);
  note(service, "Starting queue rebalance operation: " + std::to_string(moves.size()) + " masters are to move");
  moves_.plan({moves.begin(), moves.end()});
  done_ = std::move(what.done);
}

bool ordered_rebalance::step(metadata_service& service) {
  if (!done_)
    return false;
  const snapshot_ptr in = service.host.snapshot();
  const auto moves = moves_.step(service.node->now_ms(), *in, drained_nodes(*service.node, *in));
  ask_for_moves(service.host, *in, moves);
  if (moves_.over()) {
    note(service, "Finished queue rebalance operation");
    std::exchange(done_, nullptr)({});
  }
  return !moves.empty();
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
  supervisor_.drain(drained_nodes(*service.node, *in));
  if (supervisor_.next_step(now) > now)
    return false;
  supervision wanted = supervisor_.step(now, *in);
  for (change_placement& each : wanted.proposals)
    propose(std::move(each));
  ask_for_moves(host, *in, wanted.moves);
  return !wanted.proposals.empty() || !wanted.moves.empty() || supervisor_.walking();
}

} // namespace broker
