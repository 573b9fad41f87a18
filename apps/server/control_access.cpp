// Permissions and topic permissions (features.md O02, O33).
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

/// What a change of permissions needs: an existing vhost and user. Nothing is wrong: no value.
std::optional<response> missing(const node_view& node, const std::string& vhost, const std::string& user) {
  if (!node.metadata()->vhost_exists(vhost))
    return failure(exit_with::unavailable, "Virtual host " + vhost + " does not exist");
  if (!node.metadata()->find_user(user))
    return failure(exit_with::no_user, "User " + user + " does not exist");
  return {};
}

response no_such_user_term(const std::string& name) {
  return failure(exit_with::unavailable, "{:no_such_user, \"" + name + "\"}");
}

void set_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (auto wrong = missing(node, vhost, what.arguments[0]))
    return done(*std::move(wrong));
  for (size_t i = 1; i < 4; ++i)
    if (auto problem = pattern_problem(what.arguments[i], '\''); !problem.empty())
      return done(failure(exit_with::unavailable, std::move(problem)));
  set_permission change{vhost, what.arguments[0], {what.arguments[1], what.arguments[2], what.arguments[3]}};
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void clear_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (auto wrong = missing(node, vhost, what.arguments[0]))
    return done(*std::move(wrong));
  propose_and_answer(node, clear_permission{vhost, what.arguments[0]}, exit_with::unavailable, std::move(done));
}

void list_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  response answer = table({"user", "configure", "write", "read"});
  node.metadata()->for_each_permission([&](std::string_view where, std::string_view user, const permission& rights) {
    if (where == vhost)
      answer.rows.push_back({user, rights.configure, rights.write, rights.read});
  });
  done(std::move(answer));
}

void list_user_permissions(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user_term(name));
  response answer = table({"vhost", "configure", "write", "read"});
  node.metadata()->for_each_permission([&](std::string_view where, std::string_view user, const permission& rights) {
    if (user == name)
      answer.rows.push_back({where, rights.configure, rights.write, rights.read});
  });
  done(std::move(answer));
}

void set_topic_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (auto wrong = missing(node, vhost, what.arguments[0]))
    return done(*std::move(wrong));
  for (size_t i = 2; i < 4; ++i)
    if (auto problem = pattern_problem(what.arguments[i], '"'); !problem.empty())
      return done(failure(exit_with::unavailable, std::move(problem)));
  set_topic_permission change{vhost, what.arguments[0], {what.arguments[1], what.arguments[2], what.arguments[3]}};
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void clear_topic_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (auto wrong = missing(node, vhost, what.arguments[0]))
    return done(*std::move(wrong));
  const std::string exchange = what.arguments.size() == 2 ? what.arguments[1] : "";
  propose_and_answer(node, clear_topic_permission{vhost, what.arguments[0], exchange}, exit_with::unavailable,
                     std::move(done));
}

void list_topic_permissions(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  response answer = table({"user", "exchange", "write", "read"});
  node.metadata()->for_each_topic_permission(
    [&](std::string_view where, std::string_view user, const topic_permission& rights) {
      if (where == vhost)
        answer.rows.push_back({user, rights.exchange, rights.write, rights.read});
    });
  done(std::move(answer));
}

void list_user_topic_permissions(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user_term(name));
  response answer = table({"vhost", "exchange", "write", "read"});
  node.metadata()->for_each_topic_permission(
    [&](std::string_view where, std::string_view user, const topic_permission& rights) {
      if (user == name)
        answer.rows.push_back({where, rights.exchange, rights.write, rights.read});
    });
  done(std::move(answer));
}

} // namespace

std::span<const verb> access_verbs() {
  static constexpr verb verbs[] = {
    {"set_permissions", 4, 4, set_permissions},
    {"clear_permissions", 1, 1, clear_permissions},
    {"list_permissions", 0, 0, list_permissions},
    {"list_user_permissions", 1, 1, list_user_permissions},
    {"set_topic_permissions", 4, 4, set_topic_permissions},
    {"clear_topic_permissions", 1, 2, clear_topic_permissions},
    {"list_topic_permissions", 0, 0, list_topic_permissions},
    {"list_user_topic_permissions", 1, 1, list_user_topic_permissions},
  };
  return verbs;
}

} // namespace broker
