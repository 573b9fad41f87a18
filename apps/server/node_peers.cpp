#include "node_peers.hpp"

#include <future>
#include <optional>

#include "control_client.hpp"
#include "node_address.hpp"

namespace broker {

namespace {

constexpr uint16_t exit_unreachable = 69;

error unreachable(const std::string& node, const node_address& where, control::failure_kind kind,
                  const std::string& why) {
  const std::string place = where.host + " port " + std::to_string(where.port);
  if (kind == control::failure_kind::refused)
    return {exit_unreachable, "node " + node + " (" + place + ") refused: " + why
                                + ". Check that the Erlang cookie is identical on all nodes"};
  return {exit_unreachable, "node " + node + " cannot be reached: " + place + ": " + why};
}

} // namespace

result<control::response> ask_peer(const node_config& config, const std::string& node, const control::request& what,
                                   std::chrono::milliseconds longest) {
  const auto where = control_address(node);
  control::control_client client{control::control_client::clock::now() + longest};
  if (auto connected = client.connect(where.host, where.port); !connected)
    return unreachable(node, where, client.failure(), connected.error().text);
  if (auto known = client.authenticate(config.cookie.reveal(), config.node_name, node); !known)
    return unreachable(node, where, client.failure(), known.error().text);
  auto answer = client.call(what);
  if (!answer)
    return unreachable(node, where, client.failure(), answer.error().text);
  return answer;
}

std::vector<std::pair<std::string, control::response>> ask_peers(const node_config& config,
                                                                 const std::vector<std::string>& nodes,
                                                                 const control::request& what,
                                                                 std::chrono::milliseconds longest) {
  std::vector<std::future<result<control::response>>> asked;
  asked.reserve(nodes.size());
  for (const auto& node : nodes)
    asked.push_back(std::async(std::launch::async,
                               [&config, &what, node, longest] { return ask_peer(config, node, what, longest); }));
  std::vector<std::pair<std::string, control::response>> answers;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (auto answer = asked[i].get(); answer && answer->exit_code == 0)
      answers.emplace_back(nodes[i], *std::move(answer));
  return answers;
}

} // namespace broker
