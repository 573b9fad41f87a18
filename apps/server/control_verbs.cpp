#include "control_verbs.hpp"

#include "control_verb.hpp"

namespace broker {

namespace {

const verb* find_verb(std::string_view name) {
  for (const auto part : {node_verbs(), user_verbs(), access_verbs(), vhost_verbs(), policy_verbs(), parameter_verbs(),
                          list_verbs(), operation_verbs(), setting_verbs(), definition_verbs(), eval_verbs()})
    for (const verb& each : part)
      if (each.name == name)
        return &each;
  return nullptr;
}

} // namespace

control::handler control_verbs(node_view& view) {
  return [&view](const control::request& what, control::reply done) {
    const verb* found = find_verb(what.verb);
    if (found == nullptr)
      return done(failure(exit_with::usage, "Command '" + what.verb + "' not found."));
    if (what.arguments.size() < found->least_arguments || what.arguments.size() > found->most_arguments)
      return done(failure(exit_with::usage, "wrong number of arguments for '" + what.verb + "'"));
    found->run(view, what, std::move(done));
  };
}

} // namespace broker
