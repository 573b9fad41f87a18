#include "control_verbs.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include <re2/re2.h>

#include "base/limits.hpp"
#include "control_lists.hpp"
#include "control_status.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

// features.md O12
constexpr int exit_usage = 64;
constexpr int exit_data = 65;
constexpr int exit_no_user = 67;
constexpr int exit_unavailable = 69;
constexpr int exit_software = 70;

response failure(int exit_code, std::string text) {
  response answer;
  answer.exit_code = exit_code;
  answer.error = std::move(text);
  return answer;
}

std::string vhost_of(const request& what) {
  const auto found = what.options.find("vhost");
  return found == what.options.end() ? "/" : found->second;
}

std::optional<user_record> find_user(const metadata_snapshot& metadata, std::string_view name) {
  std::optional<user_record> found;
  metadata.for_each_user([&](const user_record& user) {
    if (user.name == name)
      found = user;
  });
  return found;
}

response no_such_user(const std::string& name) {
  return failure(exit_no_user, "User \"" + name + "\" does not exist");
}

/// Proposes and answers: nothing on success, the store's own words otherwise.
void propose_and_answer(node_view& node, command what, reply done) {
  node.propose(std::move(what), [done = std::move(done)](const command_result& applied) {
    done(applied.ok() ? response{} : failure(exit_software, applied.failure.text));
  });
}

void ping(node_view&, const request&, reply done) {
  done({});
}

void stop(node_view& node, const request&, reply done) {
  done({}); // first: the answer must leave before the endpoint closes
  node.request_stop();
}

void status(node_view& node, const request&, reply done) {
  done(status_answer(node.facts()));
}

void cluster_status(node_view& node, const request&, reply done) {
  done(cluster_status_answer(node.facts()));
}

void list_queues(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(failure(exit_data, "Virtual host '" + vhost + "' does not exist"));
  node.list_queues([facts = node.facts(), vhost, columns = what.columns, done = std::move(done)](auto queues) {
    done(queue_rows(queues, facts, vhost, columns));
  });
}

void list_connections(node_view& node, const request& what, reply done) {
  node.list_connections([facts = node.facts(), columns = what.columns, done = std::move(done)](auto connections) {
    done(connection_rows(connections, facts, columns));
  });
}

void list_channels(node_view& node, const request& what, reply done) {
  node.list_channels([facts = node.facts(), columns = what.columns, done = std::move(done)](auto channels) {
    done(channel_rows(channels, facts, columns));
  });
}

void list_users(node_view& node, const request&, reply done) {
  response answer;
  answer.columns = {"user", "tags"};
  node.metadata()->for_each_user([&](const user_record& user) {
    answer.rows.push_back({user.name, control::value_list(user.tags.begin(), user.tags.end())});
  });
  done(std::move(answer));
}

void list_vhosts(node_view& node, const request& what, reply done) {
  response answer;
  answer.columns = what.columns;
  for (const auto& vhost : node.facts().vhosts) {
    control::row cells;
    for (const auto& column : what.columns)
      cells.push_back(column == "name"      ? control::value{vhost}
                      : column == "tracing" ? control::value{false}
                                            : control::value{});
    answer.rows.push_back(std::move(cells));
  }
  done(std::move(answer));
}

void add_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (name.empty() || name.size() > limits::name_max_bytes)
    return done(failure(exit_data, "user names have 1 to 255 bytes"));
  if (what.arguments[1].empty())
    return done(failure(exit_data, "Password cannot be blank"));
  if (find_user(*node.metadata(), name))
    return done(failure(exit_software, "User \"" + name + "\" already exists"));
  put_user change;
  change.user = {name, node.hash_password(what.arguments[1]), {}};
  change.must_be_new = true;
  propose_and_answer(node, std::move(change), std::move(done));
}

void change_password(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!find_user(*node.metadata(), name))
    return done(no_such_user(name));
  if (what.arguments[1].empty())
    return done(failure(exit_data, "Password cannot be blank"));
  put_user change;
  change.user = {name, node.hash_password(what.arguments[1]), {}};
  change.must_exist = true;
  change.keep_tags = true;
  propose_and_answer(node, std::move(change), std::move(done));
}

void set_user_tags(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!find_user(*node.metadata(), name))
    return done(no_such_user(name));
  put_user change;
  change.user = {name, {}, {what.arguments.begin() + 1, what.arguments.end()}};
  change.must_exist = true;
  change.keep_hash = true;
  propose_and_answer(node, std::move(change), std::move(done));
}

void remove_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!find_user(*node.metadata(), name))
    return done(no_such_user(name));
  propose_and_answer(node, delete_user{name}, std::move(done));
}

void authenticate_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (node.metadata()->authenticate(name, what.arguments[1], true))
    return done({});
  done(failure(exit_data,
               "Error: failed to authenticate user \"" + name + "\"\nuser '" + name + "' - invalid credentials"));
}

/// Why a permission's pattern is none, in the words of RabbitMQ's regular expression library; "" when it is one.
std::string pattern_problem(const std::string& pattern) {
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  const re2::RE2 compiled{pattern, quiet};
  if (compiled.ok())
    return {};
  const std::string why = compiled.error_code() == re2::RE2::ErrorMissingBracket
                          ? "missing terminating ] for character class"
                          : compiled.error();
  return "{:invalid_regexp, '" + pattern + "', {'" + why + "', " + std::to_string(pattern.size()) + "}}";
}

void set_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  const auto& name = what.arguments[0];
  if (!node.metadata()->vhost_exists(vhost))
    return done(failure(exit_unavailable, "Virtual host " + vhost + " does not exist"));
  if (!find_user(*node.metadata(), name))
    return done(failure(exit_no_user, "User " + name + " does not exist"));
  for (size_t i = 1; i < 4; ++i)
    if (auto problem = pattern_problem(what.arguments[i]); !problem.empty())
      return done(failure(exit_unavailable, std::move(problem)));
  propose_and_answer(node, set_permission{vhost, name, {what.arguments[1], what.arguments[2], what.arguments[3]}},
                     std::move(done));
}

void clear_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  const auto& name = what.arguments[0];
  if (!node.metadata()->vhost_exists(vhost))
    return done(failure(exit_unavailable, "Virtual host " + vhost + " does not exist"));
  if (!find_user(*node.metadata(), name))
    return done(failure(exit_no_user, "User " + name + " does not exist"));
  propose_and_answer(node, clear_permission{vhost, name}, std::move(done));
}

void list_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(failure(exit_data, "Virtual host '" + vhost + "' does not exist"));
  response answer;
  answer.columns = {"user", "configure", "write", "read"};
  node.metadata()->for_each_permission([&](std::string_view where, std::string_view user, const permission& rights) {
    if (where == vhost)
      answer.rows.push_back({user, rights.configure, rights.write, rights.read});
  });
  done(std::move(answer));
}

void list_user_permissions(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!find_user(*node.metadata(), name))
    return done(no_such_user(name));
  response answer;
  answer.columns = {"vhost", "configure", "write", "read"};
  node.metadata()->for_each_permission([&](std::string_view where, std::string_view user, const permission& rights) {
    if (user == name)
      answer.rows.push_back({where, rights.configure, rights.write, rights.read});
  });
  done(std::move(answer));
}

struct verb {
  std::string_view name;
  size_t least_arguments;
  size_t most_arguments;
  void (*run)(node_view&, const request&, reply);
};

constexpr size_t tags_max = 64;

constexpr verb verbs[] = {
  {"ping", 0, 0, ping},
  {"stop", 0, 0, stop},
  {"status", 0, 0, status},
  {"cluster_status", 0, 0, cluster_status},
  {"list_queues", 0, 0, list_queues},
  {"list_connections", 0, 0, list_connections},
  {"list_channels", 0, 0, list_channels},
  {"list_users", 0, 0, list_users},
  {"list_vhosts", 0, 0, list_vhosts},
  {"add_user", 2, 2, add_user},
  {"change_password", 2, 2, change_password},
  {"set_user_tags", 1, 1 + tags_max, set_user_tags},
  {"delete_user", 1, 1, remove_user},
  {"authenticate_user", 2, 2, authenticate_user},
  {"set_permissions", 4, 4, set_permissions},
  {"clear_permissions", 1, 1, clear_permissions},
  {"list_permissions", 0, 0, list_permissions},
  {"list_user_permissions", 1, 1, list_user_permissions},
};

} // namespace

control::handler control_verbs(node_view& view) {
  return [&view](request what, reply done) {
    const auto found =
      std::find_if(std::begin(verbs), std::end(verbs), [&](const verb& v) { return v.name == what.verb; });
    if (found == std::end(verbs))
      return done(failure(exit_usage, "Command '" + what.verb + "' not found."));
    if (what.arguments.size() < found->least_arguments || what.arguments.size() > found->most_arguments)
      return done(failure(exit_usage, "wrong number of arguments for '" + what.verb + "'"));
    found->run(view, what, std::move(done));
  };
}

} // namespace broker
