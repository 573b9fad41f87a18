// One verb of the control endpoint and what all of them need. The table is in the files control_*.cpp, one group each;
// control_verbs.cpp joins them. Internal to the verbs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

/// RabbitMQ's words (features.md O12).
inline constexpr std::string_view app_must_run = "this command requires the 'rabbit' app to be running on the target "
                                                 "node. Start it with 'rabbitmqctl start_app'.";
inline constexpr std::string_view app_must_stop = "this command requires the 'rabbit' app to be stopped on the target "
                                                  "node. Stop it with 'rabbitmqctl stop_app'.";

/// In which state of the app a verb may be asked. Of the process only: `any`.
enum class app_need : uint8_t { running, stopped, any };

/// Arguments that are tags (set_user_tags, set_vhost_tags).
inline constexpr size_t tags_max = 64;

struct verb {
  std::string_view name;
  size_t least_arguments;
  size_t most_arguments;
  void (*run)(node_view&, const control::request&, control::reply);
  app_need needs = app_need::running;
};

// -- the parts of the table
// -------------------------------------------------------------------------------------------

std::span<const verb> life_verbs();
std::span<const verb> cluster_verbs();
std::span<const verb> member_verbs();
std::span<const verb> node_verbs();
std::span<const verb> user_verbs();
std::span<const verb> access_verbs();
std::span<const verb> vhost_verbs();
std::span<const verb> policy_verbs();
std::span<const verb> parameter_verbs();
std::span<const verb> list_verbs();
std::span<const verb> operation_verbs();
std::span<const verb> quorum_verbs();
std::span<const verb> replica_verbs();
std::span<const verb> setting_verbs();
std::span<const verb> definition_verbs();
std::span<const verb> eval_verbs();
std::span<const verb> plugin_verbs();
std::span<const verb> management_verbs();

// -- answers
// ----------------------------------------------------------------------------------------------------------

/// features.md O12.
namespace exit_with {
inline constexpr int usage = 64;
inline constexpr int data = 65;
inline constexpr int no_user = 67;
inline constexpr int unavailable = 69;
inline constexpr int software = 70;
} // namespace exit_with

control::response failure(int exit_code, std::string text);
/// "Virtual host 'x' does not exist", as lists, policies and parameters say it.
control::response no_such_vhost(const std::string& vhost);
/// A table of these columns, without rows yet.
control::response table(std::vector<std::string> columns);
/// One column "value" with one row.
control::response one_value(control::value what);

/// Answers an order to the node: nothing when it was carried out, else its words with the exit code in `code`, or
/// unavailable.
std::function<void(result<void>)> answer_order(control::reply done);
/// Proposes and answers: nothing on success, else the store's own words with `exit_code`.
void propose_and_answer(node_view& node, command what, int exit_code, control::reply done);

// -- what a request asks for
// ------------------------------------------------------------------------------------------

std::string vhost_of(const control::request& what);
std::optional<std::string> option_of(const control::request& what, std::string_view name);

// -- texts
// ------------------------------------------------------------------------------------------------------------

/// Why a permission's pattern is none, in the words of RabbitMQ's regular expression library; "" when it is one.
/// `quote` is how that command prints texts.
std::string pattern_problem(const std::string& pattern, char quote);
/// Limits as JSON text: {"max-connections":10}.
std::string limits_text(const limit_table& limits);
/// Reads such text. Error: rabbitmqctl's words; `kind` is "limits" or "user-limits", `known` are the names allowed.
result<limit_table> parse_limits(const std::string& text, std::string_view kind,
                                 std::span<const std::string_view> known);
/// A field table with its types.
control::value to_value(const amqp::field_table& table);

} // namespace broker
