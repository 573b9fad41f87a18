// Users and what they may (features.md O02, O10 limits, O33).
#include "base/limits.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

constexpr std::string_view user_limit_names[] = {"max-connections", "max-channels"};

response no_such_user(const std::string& name) {
  return failure(exit_with::no_user, "User \"" + name + "\" does not exist");
}

/// How the newer commands print what the node could not find.
response no_such_user_term(const std::string& name) {
  return failure(exit_with::unavailable, "{:no_such_user, \"" + name + "\"}");
}

void list_users(node_view& node, const request&, reply done) {
  response answer = table({"user", "tags"});
  node.metadata()->for_each_user([&](const user_record& user) {
    answer.rows.push_back({user.name, control::value_list(user.tags.begin(), user.tags.end())});
  });
  done(std::move(answer));
}

void add_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (name.empty() || name.size() > limits::name_max_bytes)
    return done(failure(exit_with::data, "user names have 1 to 255 bytes"));
  if (node.metadata()->find_user(name))
    return done(failure(exit_with::software, "User \"" + name + "\" already exists"));
  const bool hashed = option_of(what, "pre-hashed-password").has_value();
  const std::string& password = what.arguments[1];
  put_user change;
  change.user.name = name;
  // An empty password means: no login by password.
  change.user.password_hash = hashed || password.empty() ? password : node.hash_password(password);
  change.must_be_new = true;
  propose_and_answer(node, std::move(change), exit_with::software, std::move(done));
}

/// Everything that changes one existing user's record.
void change_user(node_view& node, put_user change, reply done) {
  change.must_exist = true;
  propose_and_answer(node, std::move(change), exit_with::software, std::move(done));
}

void change_password(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user(name));
  put_user change;
  change.user.name = name;
  change.user.password_hash = what.arguments[1].empty() ? "" : node.hash_password(what.arguments[1]);
  change.keep_tags = true;
  change_user(node, std::move(change), std::move(done));
}

void clear_password(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user_term(name));
  put_user change;
  change.user.name = name;
  change.keep_tags = true;
  change_user(node, std::move(change), std::move(done));
}

void set_user_tags(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user(name));
  put_user change;
  change.user.name = name;
  change.user.tags = {what.arguments.begin() + 1, what.arguments.end()};
  change.keep_hash = true;
  change_user(node, std::move(change), std::move(done));
}

void remove_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (!node.metadata()->find_user(name))
    return done(no_such_user(name));
  propose_and_answer(node, delete_user{name}, exit_with::software, std::move(done));
}

void authenticate_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (node.metadata()->authenticate(name, what.arguments[1], true))
    return done({});
  done(failure(exit_with::data,
               "Error: failed to authenticate user \"" + name + "\"\nuser '" + name + "' - invalid credentials"));
}

void hash_password(node_view& node, const request& what, reply done) {
  done(one_value(node.hash_password(what.arguments[0])));
}

void limit_user(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  const auto given = parse_limits(what.arguments[1], "user-limits", user_limit_names);
  if (!given)
    return done(failure(exit_with::unavailable, given.error().text));
  const auto user = node.metadata()->find_user(name);
  if (!user)
    return done(no_such_user_term(name));
  set_user_limits change{name, user->limits};
  for (const auto& [limit, value] : *given)
    change.limits[limit] = value;
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void lift_user_limits(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  const auto user = node.metadata()->find_user(name);
  if (!user)
    return done(no_such_user_term(name));
  set_user_limits change{name, user->limits};
  if (what.arguments[1] == "all")
    change.limits.clear();
  else
    change.limits.erase(what.arguments[1]);
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void list_limited_users(node_view& node, const request& what, reply done) {
  if (option_of(what, "global")) {
    response answer = table({"user", "limits"});
    node.metadata()->for_each_user([&](const user_record& user) {
      if (!user.limits.empty())
        answer.rows.push_back({user.name, limits_text(user.limits)});
    });
    return done(std::move(answer));
  }
  const std::string name = option_of(what, "user").value_or("guest");
  const auto user = node.metadata()->find_user(name);
  if (!user)
    return done(no_such_user_term(name));
  done(one_value(limits_text(user->limits)));
}

} // namespace

std::span<const verb> user_verbs() {
  static constexpr verb verbs[] = {
    {"list_users", 0, 0, list_users},
    {"add_user", 2, 2, add_user},
    {"change_password", 2, 2, change_password},
    {"clear_password", 1, 1, clear_password},
    {"set_user_tags", 1, 1 + tags_max, set_user_tags},
    {"delete_user", 1, 1, remove_user},
    {"authenticate_user", 2, 2, authenticate_user},
    {"hash_password", 1, 1, hash_password},
    {"set_user_limits", 2, 2, limit_user},
    {"clear_user_limits", 2, 2, lift_user_limits},
    {"list_user_limits", 0, 0, list_limited_users},
  };
  return verbs;
}

} // namespace broker
