// What operators ask and change about the copies of queues (features.md O06, O09). Texts are RabbitMQ's.
#include "control_replicas.hpp"

#include <algorithm>
#include <memory>
#include <mutex>

#include "control_patterns.hpp"
#include "control_verb.hpp"
#include "replication/placement.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

bool contains(const std::vector<std::string>& names, const std::string& one) {
  return std::find(names.begin(), names.end(), one) != names.end();
}

bool is_placed_before(const queue_record& queue, replication::node_id one, replication::node_id other) {
  const auto rank = [&](replication::node_id node) { return node == queue.placement->master ? 0 : 1; };
  return rank(one) < rank(other);
}

} // namespace

// -- who holds copies -------------------------------------------------------------------------------------------------

bool queue_replicas::has_member(const std::string& node) const {
  return contains(members, node);
}

queue_replicas replicas_of(const queue_record& queue, const metadata_snapshot& in) {
  queue_replicas out;
  out.master = queue.node;
  if (!queue.placement) {
    const node_ptr home = in.find_node(queue.node);
    out.members = {queue.node};
    if (!home || home->up)
      out.running = out.in_sync = out.members;
    return out;
  }
  out.min_in_sync = queue.placement->min_in_sync;
  std::vector<replication::node_id> nodes = queue.placement->nodes;
  std::stable_sort(nodes.begin(), nodes.end(), [&](auto a, auto b) { return is_placed_before(queue, a, b); });
  for (const replication::node_id one : nodes) {
    const node_ptr node = in.find_node(uint64_t{one});
    if (!node)
      continue;
    out.members.push_back(node->name);
    if (!node->up)
      continue;
    out.running.push_back(node->name);
    if (queue.placement->in_sync(one, node->session))
      out.in_sync.push_back(node->name);
  }
  return out;
}

bool is_quorum(const queue_record& queue) {
  return queue.options && queue.options->type == queue_type::quorum;
}

bool is_mirrored(const queue_record& queue) {
  return queue.options && queue.options->type == queue_type::classic && !queue.exclusive
      && queue.options->mirroring.what != mirroring_options::mode::none;
}

bool is_quorum_critical(const queue_replicas& queue, const std::string& node) {
  return contains(queue.in_sync, node) && queue.in_sync.size() <= queue.min_in_sync;
}

// -- verbs ------------------------------------------------------------------------------------------------------------

namespace {

constexpr const char* not_found = "not_found";
/// RabbitMQ removes leaders, too; here a master is moved first.
constexpr const char* is_leader = "the leader of the queue is there: drain the node, or rebalance, first";

/// Copies that are not in sync are brought into sync without being asked; nobody is stopped meanwhile (Q20).
void sync_queue(node_view& node, const request& what, reply done) {
  const queue_ptr queue = node.metadata()->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::unavailable, not_found));
  if (is_quorum(*queue))
    return done(failure(exit_with::unavailable, "quorum_queue_not_supported"));
  done(is_mirrored(*queue) ? response{} : failure(exit_with::unavailable, "not_mirrored"));
}

/// There is no synchronisation that stops a queue and could be stopped.
void cancel_sync_queue(node_view& node, const request& what, reply done) {
  const queue_ptr queue = node.metadata()->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::unavailable, not_found));
  if (is_quorum(*queue))
    return done(failure(exit_with::unavailable, "quorum_queue_not_supported"));
  done(one_value("not_syncing"));
}

/// Positions in the log are the master's to know; tools ask for who is who.
void quorum_status(node_view& node, const request& what, reply done) {
  const snapshot_ptr metadata = node.metadata();
  const queue_ptr queue = metadata->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::unavailable, not_found));
  if (!is_quorum(*queue))
    return done(failure(exit_with::unavailable, "Cannot get quorum status of a classic queue"));
  response answer =
    table({"Node Name", "Raft State", "Log Index", "Commit Index", "Snapshot Index", "Term", "Machine Version"});
  const queue_replicas replicas = replicas_of(*queue, *metadata);
  for (const std::string& each : replicas.members) {
    if (!contains(replicas.running, each)) {
      answer.rows.push_back({each, "noproc", "", "", "", "", ""});
      continue;
    }
    const char* state = each == replicas.master          ? "leader"
                      : contains(replicas.in_sync, each) ? "follower"
                                                         : "catching_up";
    answer.rows.push_back(
      {each, state, "undefined", "undefined", "undefined", static_cast<int64_t>(queue->mastership), "undefined"});
  }
  done(std::move(answer));
}

void mirror_sync_critical(node_view& node, const request&, reply done) {
  response answer = table({"name", "readable_name", "type", "virtual_host"});
  const snapshot_ptr metadata = node.metadata();
  metadata->for_each_queue([&](const queue_ptr& queue) {
    if (is_mirrored(*queue) && queue->node == node.name() && replicas_of(*queue, *metadata).in_sync.size() < 2)
      answer.rows.push_back(
        {queue->name, "queue '" + queue->name + "' in vhost '" + queue->vhost + "'", "classic", queue->vhost});
  });
  done(std::move(answer));
}

// -- changing members

change_placement place_on(const queue_record& queue, std::vector<replication::node_id> nodes) {
  const uint32_t least = std::min(queue.placement->min_in_sync, static_cast<uint32_t>(nodes.size()));
  return {queue.vhost, queue.name, queue.id, replication::place{std::move(nodes), least}};
}

/// The change that adds or removes `member`. Error: why not. Nothing to be done: an empty `name`.
result<change_placement> adding(const queue_record& queue, const node_ptr& member) {
  if (!member || !member->up)
    return error{0, "node_not_running"};
  if (!queue.placement)
    return error{0, "not_replicated"};
  const auto id = static_cast<replication::node_id>(member->id);
  auto nodes = queue.placement->nodes;
  if (queue.placement->places(id))
    return change_placement{};
  nodes.push_back(id);
  return place_on(queue, std::move(nodes));
}

result<change_placement> removing(const queue_record& queue, const node_ptr& member) {
  if (!member
      || (queue.placement ? !queue.placement->places(static_cast<replication::node_id>(member->id))
                          : queue.node != member->name))
    return change_placement{};
  const auto id = static_cast<replication::node_id>(member->id);
  if (!queue.placement || queue.placement->nodes.size() == 1)
    return error{0, "last_node"};
  if (queue.placement->master == id)
    return error{0, is_leader};
  auto nodes = queue.placement->nodes;
  std::erase(nodes, id);
  return place_on(queue, std::move(nodes));
}

void change_member(node_view& node, const request& what,
                   result<change_placement> (*how)(const queue_record&, const node_ptr&), reply done) {
  const snapshot_ptr metadata = node.metadata();
  const queue_ptr queue = metadata->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::unavailable, not_found));
  if (!is_quorum(*queue))
    return done(failure(exit_with::unavailable, "Cannot add members to a classic queue")); // RabbitMQ's, for both
  auto change = how(*queue, metadata->find_node(what.arguments[1]));
  if (!change)
    return done(failure(exit_with::unavailable, change.error().text));
  if (change->name.empty())
    return done({});
  propose_and_answer(node, std::move(*change), exit_with::unavailable, std::move(done));
}

void add_member(node_view& node, const request& what, reply done) {
  change_member(node, what, adding, std::move(done));
}
void delete_member(node_view& node, const request& what, reply done) {
  change_member(node, what, removing, std::move(done));
}

/// Answers when the last change has its outcome.
struct member_changes {
  std::mutex mutex;
  response answer = table({"vhost", "name", "size", "result"});
  bool errors_only = false;
  reply done;

  ~member_changes() {
    std::sort(answer.rows.begin(), answer.rows.end(), [](const control::row& a, const control::row& b) {
      return std::pair{std::get<std::string>(a[0].content), std::get<std::string>(a[1].content)}
           < std::pair{std::get<std::string>(b[0].content), std::get<std::string>(b[1].content)};
    });
    done(std::move(answer));
  }
  void add(const queue_record& queue, size_t size, const std::string& problem) {
    const std::lock_guard hold{mutex};
    if (problem.empty() && errors_only)
      return;
    answer.rows.push_back(
      {queue.vhost, queue.name, static_cast<int64_t>(size), problem.empty() ? "ok" : "error: " + problem});
  }
};

void change_all(node_view& node, const std::shared_ptr<member_changes>& outcomes, const queue_ptr& queue,
                result<change_placement> change) {
  const size_t before = queue->placement ? queue->placement->nodes.size() : 1;
  if (!change)
    return outcomes->add(*queue, before,
                         change.error().text == "last_node" ? "the last node cannot be removed" : change.error().text);
  const size_t after = std::get<replication::place>(change->what).nodes.size();
  node.propose(std::move(*change), [outcomes, queue, before, after](const command_result& done) {
    outcomes->add(*queue, done.ok() ? after : before, done.failure.text);
  });
}

void grow(node_view& node, const request& what, reply done) {
  const queue_patterns wanted{what};
  if (auto problem = wanted.problem(); !problem.empty())
    return done(failure(exit_with::data, std::move(problem)));
  const auto outcomes = std::make_shared<member_changes>();
  outcomes->errors_only = option_of(what, "errors-only").has_value();
  outcomes->done = std::move(done);
  const snapshot_ptr metadata = node.metadata();
  const node_ptr member = metadata->find_node(what.arguments[0]);
  if (!member || !member->up)
    return; // RabbitMQ has nothing to say of such nodes
  metadata->for_each_queue([&](const queue_ptr& queue) {
    if (!is_quorum(*queue) || !wanted.match(*queue))
      return;
    const queue_replicas replicas = replicas_of(*queue, *metadata);
    if (replicas.has_member(member->name) || (what.arguments[1] == "even" && replicas.members.size() % 2 != 0))
      return;
    change_all(node, outcomes, queue, adding(*queue, member));
  });
}

void shrink(node_view& node, const request& what, reply done) {
  const auto outcomes = std::make_shared<member_changes>();
  outcomes->errors_only = option_of(what, "errors-only").has_value();
  outcomes->done = std::move(done);
  const snapshot_ptr metadata = node.metadata();
  const node_ptr member = metadata->find_node(what.arguments[0]);
  if (!member)
    return;
  metadata->for_each_queue([&](const queue_ptr& queue) {
    if (is_quorum(*queue) && replicas_of(*queue, *metadata).has_member(member->name))
      change_all(node, outcomes, queue, removing(*queue, member));
  });
}

} // namespace

std::span<const verb> replica_verbs() {
  static constexpr verb verbs[] = {
    {"sync_queue", 1, 1, sync_queue},
    {"cancel_sync_queue", 1, 1, cancel_sync_queue},
    {"quorum_status", 1, 1, quorum_status},
    {"mirror_sync_critical", 0, 0, mirror_sync_critical},
    {"add_member", 2, 2, add_member},
    {"delete_member", 2, 2, delete_member},
    {"grow", 2, 2, grow},
    {"shrink", 1, 1, shrink},
  };
  return verbs;
}

} // namespace broker
