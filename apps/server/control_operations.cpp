// What an operator does to connections and queues (features.md O05, O11).
#include <charconv>

#include "control_lists.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

constexpr size_t all = std::numeric_limits<size_t>::max();

error forced(const std::string& reason) {
  return {320, "CONNECTION_FORCED - " + reason};
}

void close_connection(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  const auto number = number_of_process(node.facts(), name);
  if (!number)
    return done(failure(exit_with::unavailable, "Error:\n{:invalid_pid_syntax, \"" + name + "\"}"));
  node.close_connections(
    [id = *number](const connection_info& each) { return each.id == id; }, all, forced(what.arguments[1]),
    [name, done = std::move(done)](size_t closed) {
      done(closed != 0 ? response{}
                       : failure(exit_with::unavailable, "Error:\n{:not_a_connection_pid, \"" + name + "\"}"));
    });
}

void close_all_connections(node_view& node, const request& what, reply done) {
  const bool everywhere = option_of(what, "global").has_value();
  size_t most = all;
  if (const auto limit = option_of(what, "limit"))
    if (uint64_t number = 0;
        std::from_chars(limit->data(), limit->data() + limit->size(), number).ec == std::errc{} && number != 0)
      most = number; // 0 means all, as RabbitMQ's default
  node.close_connections(
    [everywhere, vhost = vhost_of(what)](const connection_info& each) { return everywhere || each.vhost == vhost; },
    most, forced(what.arguments[0]),
    [done = std::move(done)](size_t closed) { done(one_value("Closed " + std::to_string(closed) + " connections")); });
}

void close_all_user_connections(node_view& node, const request& what, reply done) {
  node.close_connections([user = what.arguments[0]](const connection_info& each) { return each.user == user; }, all,
                         forced(what.arguments[1]), [done = std::move(done)](size_t) { done({}); });
}

void remove_queue(node_view& node, const request& what, reply done) {
  const auto queue = node.metadata()->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::usage, "Queue not found"));
  node.delete_queue(
    queue, option_of(what, "if-unused").has_value(), option_of(what, "if-empty").has_value(),
    [done = std::move(done)](result<uint32_t> ready) {
      if (ready)
        return done(one_value("Queue was successfully deleted with " + std::to_string(*ready) + " ready messages"));
      const auto& why = ready.error();
      done(why.code == 404 ? failure(exit_with::usage, "Queue not found") : failure(exit_with::unavailable, why.text));
    });
}

void purge_queue(node_view& node, const request& what, reply done) {
  const auto queue = node.metadata()->find_queue(vhost_of(what), what.arguments[0]);
  if (!queue)
    return done(failure(exit_with::unavailable, "not_found"));
  node.purge_queue(queue, [done = std::move(done)](const result<uint32_t>& purged) {
    done(purged ? response{} : failure(exit_with::unavailable, "not_found"));
  });
}

} // namespace

std::span<const verb> operation_verbs() {
  static constexpr verb verbs[] = {
    {"close_connection", 2, 2, close_connection},
    {"close_all_connections", 1, 1, close_all_connections},
    {"close_all_user_connections", 2, 2, close_all_user_connections},
    {"delete_queue", 1, 1, remove_queue},
    {"purge_queue", 1, 1, purge_queue},
  };
  return verbs;
}

} // namespace broker
