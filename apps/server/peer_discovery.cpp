#include "peer_discovery.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace broker {

namespace {

struct free_addresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

/// "rabbit@" of "rabbit@node1": nodes that are found by their hosts have the name of this one.
std::string own_prefix(const std::string& node) {
  return node.substr(0, node.find('@') + 1);
}

/// Short host names, unless this node goes by a long one.
std::string as_host(const std::string& name, bool is_long) {
  return is_long ? name : name.substr(0, name.find('.'));
}

/// The hosts whose addresses one name has, by reverse look-up, as RabbitMQ's DNS backend does it.
result<std::vector<std::string>> nodes_of_name(const node_config& config) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const auto& name = config.discovery.dns_host;
  if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found); code != 0)
    return error{0, "peer discovery: " + name + ": " + gai_strerror(code)};
  const std::unique_ptr<addrinfo, free_addresses> list{found};
  const bool is_long = config.node_name.find('.') != std::string::npos;
  std::vector<std::string> nodes;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> host{};
    if (getnameinfo(each->ai_addr, each->ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NAMEREQD) == 0)
      nodes.push_back(own_prefix(config.node_name) + as_host(host.data(), is_long));
  }
  if (nodes.empty())
    return error{0, "peer discovery: no address of " + name + " has a host name"};
  return nodes;
}

} // namespace

result<std::vector<std::string>> discover_nodes(const node_config& config) {
  std::vector<std::string> nodes = config.discovery.nodes;
  if (config.discovery.backend == discovery_backend::none)
    return std::vector<std::string>{};
  if (config.discovery.backend == discovery_backend::dns) {
    auto named = nodes_of_name(config);
    if (!named)
      return named.error();
    nodes = *std::move(named);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

} // namespace broker
