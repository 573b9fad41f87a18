// What is different after a snapshot took the place of the state: the changes that its commands would have reported,
// for a node that has not seen the commands. Queues are told apart by id, never by name (F22).
#include <map>

#include "metadata/snapshot.hpp"
#include "metadata/state_impl.hpp"
#include "replication/placement.hpp"

namespace broker {
namespace {

using kind = metadata_change::kind;

/// Every queue with an actor of its own, hidden ones too.
std::map<queue_id, queue_ptr> queues_of(const metadata_snapshot& in) {
  std::map<queue_id, queue_ptr> out;
  in.visit_queues([&](const queue_ptr& one) { out.emplace(one->id, one); });
  in.for_each_exchange([&](const exchange_ptr& one) {
    if (one->delay_queue)
      out.emplace(one->delay_queue->id, one->delay_queue);
  });
  return out;
}

bool is_same_placement(const queue_record& a, const queue_record& b) {
  return a.placement == b.placement || (a.placement && b.placement && *a.placement == *b.placement);
}

bool is_same(const queue_record& a, const queue_record& b) {
  return is_same_placement(a, b) && a.copies == b.copies && a.node == b.node && a.mastership == b.mastership
      && a.owner == b.owner && a.policy == b.policy && a.operator_policy == b.operator_policy
      && *a.options == *b.options;
}

void compare_queues(const metadata_snapshot& was, const metadata_snapshot& is, std::vector<metadata_change>& changes) {
  const auto before = queues_of(was);
  const auto after = queues_of(is);
  for (const auto& [id, queue] : before)
    if (!after.contains(id))
      changes.push_back({kind::queue_deleted, queue, {}});
  for (const auto& [id, queue] : after) {
    const auto old = before.find(id);
    if (old == before.end())
      changes.push_back({kind::queue_created, queue, {}});
    else if (!is_same(*old->second, *queue))
      changes.push_back({kind::queue_changed, queue, {}});
  }
}

void compare_names(const metadata_snapshot& was, const metadata_snapshot& is, std::vector<metadata_change>& changes) {
  was.for_each_vhost([&](const vhost_record& one) {
    if (!is.find_vhost(one.name))
      changes.push_back({kind::vhost_deleted, nullptr, one.name});
  });
  is.for_each_vhost([&](const vhost_record& one) {
    if (!was.find_vhost(one.name))
      changes.push_back({kind::vhost_created, nullptr, one.name});
  });
  was.for_each_user([&](const user_record& one) {
    if (!is.find_user(one.name))
      changes.push_back({kind::user_deleted, nullptr, one.name});
  });
}

void compare_nodes(const metadata_snapshot& was, const metadata_snapshot& is, std::vector<metadata_change>& changes) {
  was.for_each_node([&](const node_ptr& one) {
    if (!is.find_node(one->id))
      changes.push_back({kind::node_forgotten, nullptr, one->name, one});
  });
  is.for_each_node([&](const node_ptr& one) {
    const node_ptr old = was.find_node(one->id);
    if (!old)
      changes.push_back({kind::node_registered, nullptr, one->name, one});
    if (one->up && (!old || !old->up || old->session != one->session))
      changes.push_back({kind::node_up, nullptr, one->name, one});
    if (!one->up && old && old->up)
      changes.push_back({kind::node_down, nullptr, one->name, one});
  });
}

} // namespace

std::vector<metadata_change> difference_of(const metadata_snapshot& was, const metadata_snapshot& is) {
  std::vector<metadata_change> changes;
  compare_queues(was, is, changes);
  compare_names(was, is, changes);
  compare_nodes(was, is, changes);
  return changes;
}

} // namespace broker
