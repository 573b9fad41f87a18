#include "control_verbs.hpp"

#include <atomic>
#include <memory>

#include "control_verb.hpp"

namespace broker {

namespace {

const verb* find_verb(std::string_view name) {
  for (const auto part :
       {life_verbs(), cluster_verbs(), member_verbs(), node_verbs(), user_verbs(), access_verbs(), vhost_verbs(),
        policy_verbs(), parameter_verbs(), list_verbs(), operation_verbs(), quorum_verbs(), replica_verbs(),
        setting_verbs(), definition_verbs(), eval_verbs(), plugin_verbs(), management_verbs()})
    for (const verb& each : part)
      if (each.name == name)
        return &each;
  return nullptr;
}

/// RabbitMQ's words for a verb that the state of the app does not allow (features.md O12); "" when it does.
std::string wrong_state(const verb& what, app_state state) {
  if (what.needs == app_need::running && state != app_state::running)
    return std::string{app_must_run};
  if (what.needs == app_need::stopped && state != app_state::stopped)
    return std::string{app_must_stop};
  return {};
}

/// Whoever was to answer may end with the app without a word: then this does.
struct last_word {
  explicit last_word(control::reply to) : answer(std::move(to)) {}
  ~last_word() {
    if (!answered)
      answer(failure(exit_with::unavailable, "the broker was stopped meanwhile"));
  }
  const control::reply answer;
  std::atomic<bool> answered{false};
};

control::reply answered_anyway(control::reply done) {
  return [word = std::make_shared<last_word>(std::move(done))](control::response what) {
    word->answered = true;
    word->answer(std::move(what));
  };
}

} // namespace

control::handler control_verbs(node_view& view) {
  return [&view](const control::request& what, control::reply done) {
    const verb* found = find_verb(what.verb);
    if (found == nullptr)
      return done(failure(exit_with::usage, "Command '" + what.verb + "' not found."));
    if (what.arguments.size() < found->least_arguments || what.arguments.size() > found->most_arguments)
      return done(failure(exit_with::usage, "wrong number of arguments for '" + what.verb + "'"));
    if (auto wrong = wrong_state(*found, view.state()); !wrong.empty())
      return done(failure(exit_with::usage, std::move(wrong)));
    found->run(view, what, answered_anyway(std::move(done)));
  };
}

} // namespace broker
