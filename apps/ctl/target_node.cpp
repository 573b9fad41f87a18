#include "target_node.hpp"

#include <array>
#include <charconv>
#include <cstdlib>

#include <openssl/evp.h>
#include <unistd.h>

#include "cookie.hpp"
#include "node_address.hpp"

namespace broker::ctl {

namespace {

/// What the port for tools is above that for other nodes.
constexpr uint16_t control_port_offset = 10'000;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string{} : std::string{text};
}

/// Where a node without an entry in the registry listens for tools.
uint16_t default_port() {
  const std::string text = variable("RABBITMQ_DIST_PORT");
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() && port != 0 && port <= 65535 - control_port_offset
         ? static_cast<uint16_t>(port + control_port_offset)
         : usual_control_port;
}

/// What RabbitMQ prints to compare cookies without showing them: base64 of the MD5.
std::string cookie_hash(const secret_string& cookie) {
  if (cookie.empty())
    return "(no cookie file)";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(cookie.reveal().data(), cookie.reveal().size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    return "(unknown)";
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> text;
  const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  return std::string{reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}

std::string findings(const target& where, failure_kind kind, const std::string& why) {
  const std::string place = where.host + " port " + std::to_string(where.port);
  switch (kind) {
  case failure_kind::unreachable:
    return "  * TCP connection to " + place + " failed: " + why + "\n  * suggestion: start the node\n";
  case failure_kind::refused:
    return "  * TCP connection to " + place + " succeeded but authentication failed: " + why
         + "\n  * suggestion: check if the Erlang cookie is identical for all server nodes and CLI tools\n";
  case failure_kind::none:
  case failure_kind::lost:
  case failure_kind::timed_out:
    break;
  }
  return "  * TCP connection to " + place + " succeeded but the request failed: " + why + "\n";
}

} // namespace

target find_target(const invocation& call) {
  target where;
  where.node = call.node;
  where.own_name = "rabbitmqcli-" + std::to_string(getpid()) + "-" + call.node;
  where.own_name.resize(std::min<size_t>(where.own_name.size(), 255));
  auto found = control_address(call.node, default_port());
  where.host = std::move(found.host);
  where.port = found.port;
  where.pid = found.pid;
  where.cookie_file = std::move(found.cookie_file);
  return where;
}

result<secret_string> target_cookie(const invocation& call, target& where) {
  if (!call.cookie.empty())
    return secret_string{call.cookie};
  if (const std::string text = variable("RABBITMQ_ERLANG_COOKIE"); !text.empty())
    return secret_string{text};
  const std::string home = variable("HOME");
  const auto own = std::filesystem::path{home.empty() ? "/" : home} / ".erlang.cookie";
  std::error_code ignored;
  if (where.cookie_file.empty() || std::filesystem::exists(own, ignored))
    where.cookie_file = own;
  if (!std::filesystem::exists(where.cookie_file, ignored))
    return secret_string{};
  return read_cookie(where.cookie_file);
}

std::string unreachable_page(const target& where, const secret_string& cookie, failure_kind kind,
                             const std::string& why) {
  const std::string home = variable("HOME");
  return "Error: unable to perform an operation on node '" + where.node
       + "'. Please see diagnostics information and suggestions below.\n"
         "\nMost common reasons for this are:\n\n"
         " * Target node is unreachable (e.g. due to hostname resolution, TCP connection or firewall issues)\n"
         " * CLI tool fails to authenticate with the server (e.g. due to CLI tool's Erlang cookie not matching that "
         "of the server)\n"
         " * Target node is not running\n"
         "\nIn addition to the diagnostics info below:\n\n"
         " * See the CLI, clustering and networking guides on https://rabbitmq.com/documentation.html to learn more\n"
         " * Consult server logs on node "
       + where.node
       + "\n * If target node is configured to use long node names, don't forget to use --longnames with CLI tools\n"
         "\nDIAGNOSTICS\n===========\n\nattempted to contact: ["
       + where.node + "]\n\n" + where.node + ":\n" + findings(where, kind, why) + "\nCurrent node details:\n"
       + " * node name: '" + where.own_name + "'\n * effective user's home directory: " + home
       + "\n * Erlang cookie hash: " + cookie_hash(cookie) + "\n";
}

} // namespace broker::ctl
