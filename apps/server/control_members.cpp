// What one node asks another: to be admitted, to be let go, how it does (features.md S05-S07, S09). For holders of the
// cookie, as every verb.
#include <charconv>

#include "control_status.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

struct who {
  std::string name;
  uint64_t cluster = 0;
  uint64_t id = 0;
};

who who_asks(const request& what) {
  who asks{what.arguments[0]};
  const auto read = [](const std::string& text, uint64_t& into) {
    std::from_chars(text.data(), text.data() + text.size(), into);
  };
  read(what.arguments[1], asks.cluster);
  read(what.arguments[2], asks.id);
  return asks;
}

bool is_member(const metadata_snapshot& metadata, const who& asks, const node_ptr& known) {
  return known && asks.cluster == metadata.cluster() && asks.id == known->id;
}

response place(uint64_t cluster, uint64_t id) {
  response answer = table({"cluster", "node"});
  answer.rows.push_back({std::to_string(cluster), std::to_string(id)});
  return answer;
}

/// The answer is the cluster's number and the node's id in it: those it has, if it is a member already.
void admit_node(node_view& node, const request& what, reply done) {
  const auto metadata = node.metadata();
  const auto asks = who_asks(what);
  if (const auto known = metadata->find_node(asks.name); is_member(*metadata, asks, known))
    return done(place(asks.cluster, asks.id));
  register_node change;
  change.name = asks.name;
  const auto& port = what.arguments[3]; // "0": as its name is found
  std::from_chars(port.data(), port.data() + port.size(), change.port);
  node.propose(std::move(change), [cluster = metadata->cluster(), name = asks.name,
                                   done = std::move(done)](const command_result& applied) {
    done(applied.ok() ? place(cluster, applied.number)
                      : failure(exit_with::unavailable, "{:inconsistent_cluster, '" + applied.failure.text + "'}"));
  });
}

/// A node that is no member any more, or another one of that name, has been let go already.
void release_node(node_view& node, const request& what, reply done) {
  const auto metadata = node.metadata();
  const auto asks = who_asks(what);
  const auto known = metadata->find_node(asks.name);
  if (!is_member(*metadata, asks, known))
    return done({});
  const auto forget = [&node, name = asks.name, done = std::move(done)](const command_result&) {
    propose_and_answer(node, forget_node{name}, exit_with::unavailable, done);
  };
  // It has stopped, but the others may not have noticed yet.
  node.propose(node_down{asks.name, known->incarnation}, forget);
}

void own_status(node_view& node, const request&, reply done) {
  done(own_status_answer(node.facts()));
}

} // namespace

std::span<const verb> member_verbs() {
  static constexpr verb verbs[] = {
    {"admit_node", 4, 4, admit_node},
    {"release_node", 4, 4, release_node},
    {"own_status", 0, 0, own_status},
  };
  return verbs;
}

} // namespace broker
