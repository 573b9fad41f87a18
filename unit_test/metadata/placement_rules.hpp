// What must hold from one state of the metadata to the next, whatever the command. Gives what is broken in words, so
// that the rules themselves can be tried on states that break them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "placement_world.hpp"

namespace metadata_test {

/// Queues and nodes of one state.
struct placed_state {
  std::map<queue_id, queue_ptr> queues;
  std::vector<node_ptr> nodes;
  repl::node_table sessions;

  placed_state() = default;
  explicit placed_state(const metadata_snapshot& in) : sessions(sessions_of(in)) {
    in.for_each_queue([&](const queue_ptr& one) { queues[one->id] = one; });
    in.for_each_node([&](const node_ptr& one) { nodes.push_back(one); });
  }
  repl::node_table table(const repl::placement& queue) const { return repl::nodes_of(queue, sessions); }
  std::string name_of(repl::node_id id) const {
    for (const node_ptr& one : nodes)
      if (one->id == id)
        return one->name;
    return {};
  }
  std::vector<copy_holder> holders() const {
    std::vector<copy_holder> out;
    for (const node_ptr& one : nodes)
      if (one->session != 0)
        out.push_back({one, 0});
    return out;
  }
};

class placement_rules {
public:
  placement_rules(const placed_state& before, const placed_state& after, const command& by)
    : before_(before), after_(after), by_(by) {}

  /// What is broken, one sentence each.
  std::vector<std::string> broken() {
    for (const auto& [id, queue] : after_.queues) {
      queue_ = queue.get();
      if (queue->placement) {
        of_one(*queue->placement);
      } else if (asks_for_copies(*queue)) {
        for (const node_ptr& one : after_.nodes)
          if (one->name == queue->node)
            expect(!one->up, "has no placement although its node is up");
      }
      const auto was = before_.queues.find(id);
      if (was != before_.queues.end())
        of_both(*was->second, *queue);
    }
    for (const auto& [id, queue] : before_.queues) {
      queue_ = queue.get();
      if (!after_.queues.contains(id) && queue->placement)
        of_deleted(*queue);
    }
    return std::move(broken_);
  }

private:
  void expect(bool holds, const std::string& what) {
    if (!holds)
      broken_.push_back("queue " + queue_->name + " " + what);
  }

  void of_one(const repl::placement& now) {
    expect(!now.isr.empty(), "has nobody in sync");
    expect(repl::is_sound(now), "has a placement that cannot be");
    expect(queue_->node == after_.name_of(now.master), "is on another node than its master");
    expect(queue_->mastership == now.mastership, "has another mastership than its placement");
    expect(now.queue == queue_->id, "has the placement of another queue");
    for (const repl::node_id one : now.nodes)
      expect(after_.sessions.find(one) != nullptr, "is placed on a node that is none");
    for (const repl::member& one : now.isr)
      expect(after_.sessions.find(one.node) != nullptr, "lists a node that is none");
    expect(wanted(*queue_).nodes == now.nodes, "is not placed where it is wanted");
  }

  wanted_copies wanted(const queue_record& queue) const {
    return asks_for_copies(queue) ? copies_of(queue, *queue.placement, after_.holders())
                                  : wanted_copies{{queue.placement->master}, 1};
  }

  void of_both(const queue_record& was, const queue_record& is) {
    if (!was.placement)
      return;
    expect(is.placement != nullptr, "has lost its placement");
    if (!is.placement)
      return;
    const repl::placement& a = *was.placement;
    const repl::placement& b = *is.placement;
    expect(b.mastership >= a.mastership && b.version >= a.version, "went back");
    expect(a == b || b.version > a.version || a.inventories != b.inventories, "has changed under one version");
    expect(b.mastership > a.mastership || b.master == a.master, "has another master of the same epoch");
    expect(b.mastership > a.mastership || b.version > a.version || a.isr == b.isr,
           "has another set of the same version");
    if (b.master != a.master)
      of_master(a, b);
    // Who forgets a node that held a copy has fewer from then on, until another is in sync.
    expect(b.min_in_sync >= a.min_in_sync || b.min_in_sync == wanted(is).min_in_sync
             || std::holds_alternative<forget_node>(by_),
           "needs fewer in sync than before");
    for (const repl::member& one : a.isr)
      expect(!b.lists(one) || before_.table(a).current_and_live(one) || !after_.table(b).current_and_live(one),
             "has somebody in sync whose session had ended");
    of_members(a, b);
    of_incarnations(a, b);
  }

  void of_master(const repl::placement& was, const repl::placement& is) {
    const bool handed_over = command_is<repl::hand_over>();
    expect(handed_over || command_is<repl::promote>() || command_is<repl::recover>() || forgets(was.master),
           "has another master for no reason");
    expect(handed_over || !after_.table(was).current_and_live(*was.listed(was.master)),
           "had its living master deposed");
    const repl::member* master = is.listed(is.master);
    const bool alive = master && after_.table(is).current_and_live(*master);
    expect(alive || !repl::anyone_in_sync_alive(is, after_.table(is)), "has a dead master though others are alive");
    const repl::member* listed = was.listed(is.master);
    expect(listed != nullptr, "has a master that was not in sync");
    if (listed && repl::anyone_in_sync_alive(was, after_.table(was)))
      expect(after_.table(was).current_and_live(*listed), "has a master that was not in sync under this session");
  }

  void of_members(const repl::placement& was, const repl::placement& is) {
    if (command_is<repl::alter_isr>())
      return; // by the master
    for (const repl::member& one : was.isr)
      expect(is.listed(one.node) != nullptr || forgets(one.node), "lost a member that its master did not take out");
    for (const repl::member& one : is.isr)
      expect(was.lists(one) || (command_is<repl::recover>() && one.node == is.master), "was given a member");
  }

  /// Who has lost its copy will have dropped it: nothing it says as what it was may count again.
  void of_incarnations(const repl::placement& was, const repl::placement& is) {
    const repl::node_table before = before_.table(was), after = after_.table(is);
    for (const repl::node_status& one : before.nodes) {
      if (!after.find(one.node))
        continue;
      const repl::incarnation now = after.registered(one.node);
      expect(now >= one.inc, "takes a node for what it was before");
      expect(!was.holds(one.node) || is.holds(one.node) || now > one.inc, "knows a node that lost its copy as before");
    }
    for (const repl::member& one : is.isr)
      expect(was.lists(one) || after.current(one), "was given a member that is another one by now");
  }

  void of_deleted(const queue_record& was) {
    if (std::holds_alternative<delete_queue>(by_) || std::holds_alternative<delete_vhost>(by_))
      return;
    const repl::placement& placed = *was.placement;
    const bool alone = placed.isr.size() == 1 && forgets(placed.isr.front().node);
    const bool transient = !was.durable && !repl::anyone_in_sync_alive(placed, after_.table(placed));
    expect(alone || transient, "was deleted though others have it");
  }

  template<class Change>
  bool command_is() const {
    const auto* change = std::get_if<change_placement>(&by_);
    return change && change->id == queue_->id && std::holds_alternative<Change>(change->what);
  }
  bool forgets(repl::node_id node) const {
    return std::holds_alternative<forget_node>(by_) && after_.sessions.find(node) == nullptr;
  }

  const placed_state& before_;
  const placed_state& after_;
  const command& by_;
  const queue_record* queue_ = nullptr;
  std::vector<std::string> broken_;
};

} // namespace metadata_test
