// What must be known before a node is taken out of service, and where leaders of queues are (features.md O09, O10).
#include <algorithm>
#include <map>
#include <memory>

#include "control_patterns.hpp"
#include "control_replicas.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

void is_single_node(node_view& node, const request&, reply done) {
  done(one_value(node.cluster().nodes().size() == 1));
}

control::row critical(const std::string& name, const std::string& readable, const char* type,
                      const std::string& vhost) {
  return {name, readable, type, vhost};
}

void add_queues(const node_view& node, response& answer) {
  const snapshot_ptr metadata = node.metadata();
  metadata->for_each_queue([&](const queue_ptr& queue) {
    if (is_quorum(*queue) && is_quorum_critical(replicas_of(*queue, *metadata), node.name()))
      answer.rows.push_back(critical(queue->name, "queue '" + queue->name + "' in vhost '" + queue->vhost + "'",
                                     "rabbit_quorum_queue", queue->vhost));
  });
}

/// Of the voters that run, this one included, just a majority is left.
bool holds_the_majority(const group_facts& group, const std::vector<cluster_member>& members, const std::string& own) {
  const auto runs = [&](const std::string& voter) {
    return std::any_of(members.begin(), members.end(),
                       [&](const auto& each) { return each.node == voter && each.running; });
  };
  const auto& voters = group.voters;
  const auto running = static_cast<size_t>(std::count_if(voters.begin(), voters.end(), runs));
  const bool votes = std::find(voters.begin(), voters.end(), own) != voters.end();
  return votes && running <= voters.size() / 2 + 1;
}

/// What would lose its quorum if this node stopped.
void quorum_critical(node_view& node, const request&, reply done) {
  response found = table({"name", "readable_name", "type", "virtual_host"});
  add_queues(node, found);
  node.group_state([answer = std::move(found), members = node.cluster().nodes(), own = node.name(),
                    done = std::move(done)](const group_facts& group) mutable {
    if (holds_the_majority(group, members, own))
      answer.rows.push_back(critical("metadata", "the metadata of the cluster", "metadata", ""));
    done(std::move(answer));
  });
}

/// The queues that an order to rebalance is about.
struct rebalanced_queues {
  std::string type; ///< "all", "classic", "quorum"
  queue_patterns wanted;

  explicit rebalanced_queues(const request& what) : type(what.arguments[0]), wanted(what) {}
  bool quorum(const queue_record& queue) const { return type != "classic" && is_quorum(queue) && wanted.match(queue); }
  bool classic(const queue_record& queue) const {
    return type != "quorum" && is_mirrored(queue) && wanted.match(queue);
  }
};

/// RabbitMQ's answer: how many leaders each running node has now.
response leaders_by_node(node_view& node, const rebalanced_queues& of) {
  struct counts {
    int64_t quorum = 0;
    int64_t classic = 0;
  };
  std::map<std::string, counts> leaders;
  const auto others = node.facts().other_nodes;
  for (const auto& each : node.cluster().nodes()) {
    const auto said = others.find(each.node);
    if (each.running && (said == others.end() || !said->second.drained))
      leaders[each.node] = {};
  }
  node.metadata()->for_each_queue([&](const queue_ptr& queue) {
    if (of.quorum(*queue))
      ++leaders[queue->node].quorum;
    if (of.classic(*queue))
      ++leaders[queue->node].classic;
  });
  response answer = table({"Node name", "Number of quorum queues", "Number of replicated classic queues"});
  for (const auto& [name, number] : leaders)
    answer.rows.push_back({name, number.quorum, number.classic});
  return answer;
}

/// Leaders also move by themselves, all the time and a few at once (U05); an order does it now, and with the queues it
/// names alone.
void rebalance(node_view& node, const request& what, reply done) {
  const auto of = std::make_shared<const rebalanced_queues>(what);
  if (auto problem = of->wanted.problem(); !problem.empty())
    return done(failure(exit_with::data, std::move(problem)));
  node.rebalance([of](const queue_record& queue) { return of->quorum(queue) || of->classic(queue); },
                 [of, &node, done = std::move(done)](const result<void>& outcome) {
                   done(outcome ? leaders_by_node(node, *of) : failure(exit_with::unavailable, outcome.error().text));
                 });
}

} // namespace

std::span<const verb> quorum_verbs() {
  static constexpr verb verbs[] = {
    {"is_single_node_cluster", 0, 0, is_single_node},
    {"quorum_critical", 0, 0, quorum_critical},
    {"rebalance", 1, 1, rebalance},
  };
  return verbs;
}

} // namespace broker
