#include "refused.hpp"

#include <algorithm>
#include <iterator>

namespace broker::ctl {

namespace {

constexpr std::string_view no_erlang = "the node is no Erlang program";
constexpr std::string_view no_encryption =
  "values in the configuration file are not encrypted: let nobody but the broker read it";
constexpr std::string_view no_tls = "TLS listeners are not offered";
constexpr std::string_view no_streams = "streams are not offered";
constexpr std::string_view no_attempts = "refused logins are in the log and counted by address, see docs/operations.md";
constexpr std::string_view systems_tools = "it tests the command line tool's runtime; use the system's own tools";

struct refusal {
  std::string_view command;
  std::string_view reason;
};

constexpr refusal refusals[] = {
  {"autocomplete", "no shell completion is installed"},
  {"certificates", no_tls},
  {"check_certificate_expiration", no_tls},
  {"cipher_suites", no_tls},
  {"command_line_arguments", no_erlang},
  {"consume_event_stream", "there is no stream of internal events; trace_on copies messages, log_tail shows the log"},
  {"decode", no_encryption},
  {"disable_auth_attempt_source_tracking", no_attempts},
  {"enable_auth_attempt_source_tracking", no_attempts},
  {"encode", no_encryption},
  {"erlang_cookie_sources", "the cookie is read from the one file that docs/operations.md names"},
  {"erlang_version", no_erlang},
  {"eval_file", no_erlang},
  {"exec", no_erlang},
  {"force_gc", "memory is not collected but freed at once"},
  {"hipe_compile", no_erlang},
  {"list_ciphers", no_encryption},
  {"list_hashes", no_encryption},
  {"list_network_interfaces", systems_tools},
  {"list_node_auth_attempt_stats", no_attempts},
  {"log_tail_stream", "use log_tail, or follow the file that log_location names"},
  {"maybe_stuck", no_erlang},
  {"node_health_check", "use check_running, check_local_alarms and check_port_connectivity"},
  {"observer", no_erlang},
  {"os_env", no_erlang},
  {"reclaim_quorum_memory", "quorum queues keep no log of their own in memory"},
  {"remote_shell", no_erlang},
  {"reset_node_auth_attempt_metrics", no_attempts},
  {"resolve_hostname", systems_tools},
  {"resolver_info", systems_tools},
  {"runtime_thread_stats", no_erlang},
  {"schema_info", "the metadata are no Mnesia database; export_definitions shows them"},
  {"stream_status", no_streams},
  {"tls_versions", no_tls},
};

} // namespace

std::string_view refusal_of(std::string_view command) {
  const auto found = std::find_if(std::begin(refusals), std::end(refusals),
                                  [&](const refusal& each) { return each.command == command; });
  return found == std::end(refusals) ? std::string_view{} : found->reason;
}

} // namespace broker::ctl
