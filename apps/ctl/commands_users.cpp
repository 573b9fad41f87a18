// Headings Users and Access Control (features.md O02, O10).
#include "columns.hpp"
#include "command.hpp"
#include "formatter.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

const char* const users = "Users";
const char* const access_control = "Access Control";

std::string for_user(std::string_view what, const invocation& call) {
  return std::string{what} + " for user " + in_quotes(call.arguments[0]);
}

std::string in_vhost(const invocation& call) {
  return " in vhost " + in_quotes(call.vhost_or_default()) + " ...";
}

std::string user_tags_banner(const invocation& call) {
  std::string tags;
  for (size_t i = 1; i < call.arguments.size(); ++i)
    tags += (tags.empty() ? "" : ", ") + call.arguments[i];
  return for_user("Setting tags", call) + " to [" + tags + "] ...";
}

std::string limits_banner(const invocation& call) {
  return call.has("global") ? "Listing limits for all users ..."
                            : "Listing limits for user " + in_quotes(call.option_or("user", "guest")) + " ...";
}

std::string clear_limits_banner(const invocation& call) {
  return "Clearing " + (call.arguments[1] == "all" ? "all limits" : in_quotes(call.arguments[1]) + " limit")
       + " for user " + in_quotes(call.arguments[0]) + " ...";
}

std::string clear_topic_banner(const invocation& call) {
  return "Clearing topic permissions"
       + (call.arguments.size() == 2 ? " on " + in_quotes(call.arguments[1]) : std::string{}) + " for user "
       + in_quotes(call.arguments[0]) + in_vhost(call);
}

complaint name_problem(const invocation& call) {
  if (call.arguments[0].empty())
    return {65, "Bad argument: user cannot be an empty string"};
  return {};
}

std::string added_page(const invocation& call, const control::response&) {
  return call.shows_banner() ? "Done. Don't forget to grant the user permissions to some virtual hosts! See "
                               "'rabbitmqctl help set_permissions' to learn more.\n"
                             : "";
}

} // namespace

std::vector<command> user_commands() {
  return {
    {.name = "add_user",
     .group = users,
     .usage = "<username> <password>",
     .description = "Creates a new user in the internal database. This user will have no permissions for any virtual "
                    "hosts by default.",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = [](const invocation& i) { return "Adding user " + in_quotes(i.arguments[0]) + " ..."; },
     .options = {{"--pre-hashed-password", ""}},
     .problem = name_problem,
     .page = added_page,
     .reads_password = true},
    {.name = "authenticate_user",
     .group = users,
     .usage = "<username> <password>",
     .description = "Attempts to authenticate a user. Exits with a non-zero code if authentication fails.",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = [](const invocation& i) { return "Authenticating user " + in_quotes(i.arguments[0]) + " ..."; },
     .page = [](const invocation&, const control::response&) { return std::string{"Success\n"}; },
     .reads_password = true},
    {.name = "change_password",
     .group = users,
     .usage = "<username> <password>",
     .description = "Changes the user password",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = [](const invocation& i) { return for_user("Changing password", i) + " ..."; },
     .reads_password = true},
    {.name = "clear_password",
     .group = users,
     .usage = "<username>",
     .description = "Clears (resets) password and disables password login for a user",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return for_user("Clearing password", i) + " ..."; }},
    {.name = "clear_user_limits",
     .group = users,
     .usage = "<username> <limit_type> | all",
     .description = "Clears user connection/channel limits",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner = clear_limits_banner},
    {.name = "delete_user",
     .group = users,
     .usage = "<username>",
     .description = "Removes a user from the internal database. Has no effect on users provided by external backends "
                    "such as LDAP",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Deleting user " + in_quotes(i.arguments[0]) + " ..."; }},
    {.name = "hash_password",
     .group = users,
     .usage = "<cleartext_password>",
     .description = "Hashes a plaintext password",
     .most_arguments = 1,
     .banner = [](const invocation&) { return std::string{"Will hash password ..."}; },
     .needs = app_need::any,
     .page = value_page,
     .reads_password = true},
    {.name = "list_user_limits",
     .group = users,
     .usage = "[--user <username>] [--global]",
     .description = "Displays configured user limits",
     .banner = limits_banner,
     .options = {{"--user", "", true}, {"--global", ""}},
     .tools = tool::look,
     .page = limits_page},
    {.name = "list_users",
     .group = users,
     .usage = "[--no-table-headers] [--timeout <timeout>]",
     .description = "List user names and tags",
     .banner = [](const invocation&) { return std::string{"Listing users ..."}; },
     .tools = tool::look},
    {.name = "set_user_limits",
     .group = users,
     .usage = "<username> <definition>",
     .description = "Sets user limits",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Setting user limits to " + in_quotes(i.arguments[1]) + " for user " + in_quotes(i.arguments[0])
              + " ...";
       }},
    {.name = "set_user_tags",
     .group = users,
     .usage = "<username> <tag> [...]",
     .description = "Sets user tags",
     .least_arguments = 1,
     .most_arguments = 1 + any_number,
     .banner = user_tags_banner},
  };
}

std::vector<command> access_commands() {
  return {
    {.name = "clear_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] <username>",
     .description = "Revokes user permissions for a vhost",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return for_user("Clearing permissions", i) + in_vhost(i); }},
    {.name = "clear_topic_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] <username> [<exchange>]",
     .description = "Clears user topic permissions for a vhost or exchange",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = clear_topic_banner},
    {.name = "list_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     .description = "Lists user permissions in a virtual host",
     .banner =
       [](const invocation& i) { return "Listing permissions for vhost " + in_quotes(i.vhost_or_default()) + " ..."; },
     .tools = tool::look},
    {.name = "list_topic_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     .description = "Lists topic permissions in a virtual host",
     .banner =
       [](const invocation& i) {
         return "Listing topic permissions for vhost " + in_quotes(i.vhost_or_default()) + " ...";
       },
     .tools = tool::look},
    {.name = "list_user_permissions",
     .group = access_control,
     .usage = "[--no-table-headers] <username>",
     .description = "Lists permissions of a user across all virtual hosts",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return for_user("Listing permissions", i) + " ..."; },
     .tools = tool::look},
    {.name = "list_user_topic_permissions",
     .group = access_control,
     .usage = "[--no-table-headers] <username> [--timeout <timeout>]",
     .description = "Lists user topic permissions",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return for_user("Listing topic permissions", i) + " ..."; },
     .tools = tool::look},
    {.name = "list_vhosts",
     .group = access_control,
     .usage = "[--no-table-headers] [<column> ...] [--timeout <timeout>]",
     .description = "Lists virtual hosts",
     .most_arguments = any_number,
     .banner = [](const invocation&) { return std::string{"Listing vhosts ..."}; },
     .columns = vhost_columns(),
     .default_columns = {"name"},
     .tools = tool::look},
    {.name = "set_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] <username> <conf> <write> <read>",
     .description = "Sets user permissions for a vhost",
     .least_arguments = 4,
     .most_arguments = 4,
     .banner = [](const invocation& i) { return for_user("Setting permissions", i) + in_vhost(i); }},
    {.name = "set_topic_permissions",
     .group = access_control,
     .usage = "[--vhost <vhost>] <username> <exchange> <write> <read>",
     .description = "Sets user topic permissions for an exchange",
     .least_arguments = 4,
     .most_arguments = 4,
     .banner =
       [](const invocation& i) {
         return "Setting topic permissions on " + in_quotes(i.arguments[1]) + " for user " + in_quotes(i.arguments[0])
              + in_vhost(i);
       }},
  };
}

} // namespace broker::ctl
