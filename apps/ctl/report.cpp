#include "ask.hpp"
#include "formatter.hpp"
#include "perform.hpp"
#include "version.hpp"

namespace broker::ctl {

namespace {

/// Sections of a report in RabbitMQ's order; lists show all their columns.
constexpr std::string_view sections[] = {"status", "cluster_status", "environment", "list_connections",
                                         "list_channels"};
/// Those that are told for each vhost.
constexpr std::string_view vhost_sections[] = {"list_queues",      "list_exchanges", "list_bindings",  "list_consumers",
                                               "list_permissions", "list_policies",  "list_parameters"};
constexpr std::string_view last_sections[] = {"list_global_parameters", "list_feature_flags"};

class reporter {
public:
  reporter(const invocation& call, const terminal& console) : call_(call), console_(console), node_(call, console) {}

  int run() {
    if (const int code = node_.open(); code != exit_code::ok)
      return code;
    for (const auto name : sections)
      if (const int code = section(name, {}); code != exit_code::ok)
        return code;
    control::response vhosts;
    control::request names{"list_vhosts", {}, {}, {"name"}};
    if (const int code = node_.ask(names, vhosts); code != exit_code::ok)
      return code;
    for (const auto& vhost : vhosts.rows)
      for (const auto name : vhost_sections)
        if (const int code = section(name, plain_text(vhost[0])); code != exit_code::ok)
          return code;
    for (const auto name : last_sections)
      if (const int code = section(name, {}); code != exit_code::ok)
        return code;
    return exit_code::ok;
  }

private:
  int section(std::string_view name, const std::optional<std::string>& vhost) {
    const command* what = find_command("warrenctl", name);
    BROKER_ASSERT(what != nullptr, "a report has known sections");
    invocation part = call_;
    part.command = name;
    part.vhost = vhost;
    part.arguments = {what->columns.begin(), what->columns.end()};
    control::response answer;
    if (const int code = node_.ask(make_request(part, *what), answer); code != exit_code::ok)
      return code;
    console_.out(what->banner(part) + "\n" + answer_text(part, *what, answer) + "\n");
    return exit_code::ok;
  }

  const invocation& call_;
  const terminal& console_;
  node_call node_;
};

} // namespace

int show_version(invocation&, const command&, const terminal& console) {
  console.out(std::string{rabbitmq_version} + "\n");
  return exit_code::ok;
}

int print_report(invocation& call, const command&, const terminal& console) {
  return reporter{call, console}.run();
}

} // namespace broker::ctl
