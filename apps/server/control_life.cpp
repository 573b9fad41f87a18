// The life of the app inside the node's process (features.md O01, O08, S04, S05, S08).
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

void ping(node_view&, const request&, reply done) {
  done({});
}

void stop(node_view& node, const request&, reply done) {
  done({}); // first: the answer must leave before the endpoint closes
  node.request_stop();
}

std::string_view text_of(app_state state) {
  switch (state) {
  case app_state::stopped:
    return "stopped";
  case app_state::starting:
    return "starting";
  case app_state::running:
    return "running";
  case app_state::stopping:
    break;
  }
  return "stopping";
}

/// One word; asked by tools before commands that need the app to run, or not to.
void state_of_app(node_view& node, const request&, reply done) {
  done(one_value(text_of(node.state())));
}

void start_app(node_view& node, const request&, reply done) {
  node.start_app([done = std::move(done)](const result<void>& started) {
    done(started ? response{} : failure(exit_with::unavailable, started.error().text));
  });
}

void stop_app(node_view& node, const request&, reply done) {
  node.stop_app(answer_order(std::move(done)));
}

void reset(node_view& node, const request&, reply done) {
  node.reset(false, answer_order(std::move(done)));
}

void force_reset(node_view& node, const request&, reply done) {
  node.reset(true, answer_order(std::move(done)));
}

void join_cluster(node_view& node, const request& what, reply done) {
  using outcome = cluster_operations::join_outcome;
  node.join_cluster(what.arguments[0], [done = std::move(done)](const result<outcome>& joined) {
    if (!joined)
      return answer_order(done)(joined.error());
    done(*joined == outcome::joined ? response{} : one_value("The node is already a member of this cluster"));
  });
}

void forget_cluster_node(node_view& node, const request& what, reply done) {
  if (option_of(what, "offline")) {
    if (node.state() != app_state::stopped)
      return done(failure(exit_with::usage, std::string{app_must_stop}));
    return node.forget_offline(what.arguments[0], answer_order(std::move(done)));
  }
  if (node.state() != app_state::running)
    return done(failure(exit_with::usage, std::string{app_must_run}));
  node.cluster().forget(what.arguments[0], answer_order(std::move(done)));
}

void force_boot(node_view& node, const request&, reply done) {
  node.force_boot(answer_order(std::move(done)));
}

} // namespace

std::span<const verb> life_verbs() {
  static constexpr verb verbs[] = {
    {"ping", 0, 0, ping, app_need::any},
    {"stop", 0, 0, stop, app_need::any},
    {"app_state", 0, 0, state_of_app, app_need::any},
    {"start_app", 0, 0, start_app, app_need::any},
    {"stop_app", 0, 0, stop_app, app_need::any},
    {"reset", 0, 0, reset, app_need::stopped},
    {"force_reset", 0, 0, force_reset, app_need::stopped},
    {"join_cluster", 1, 1, join_cluster, app_need::stopped},
    {"forget_cluster_node", 1, 1, forget_cluster_node, app_need::any},
    {"force_boot", 0, 0, force_boot, app_need::stopped},
  };
  return verbs;
}

} // namespace broker
