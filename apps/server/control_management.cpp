// What the management APIs of other nodes ask this one: its connections and channels as they show them, its own state,
// and to close connections (apps/server/management). No tool asks it.
#include "control_verb.hpp"

namespace broker {

namespace {

/// Connections that one order may name.
constexpr size_t report_arguments_max = 1'024;

void report_for_management(node_view& node, const control::request& what, control::reply done) {
  node.management_report(what, std::move(done));
}

} // namespace

std::span<const verb> management_verbs() {
  static constexpr verb verbs[] = {
    {"management_report", 1, report_arguments_max, report_for_management},
  };
  return verbs;
}

} // namespace broker
