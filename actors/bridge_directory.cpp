#include "actors/bridge_directory.hpp"

#include <algorithm>

#include "cluster/node_tag.hpp"

namespace broker {

caf::actor bridge_directory::find_or_spawn(const std::string& node, const std::function<caf::actor()>& spawn) {
  std::lock_guard guard{mutex_};
  if (closed_)
    return nullptr;
  entry& found = nodes_[node];
  if (!found.bridge) {
    found.bridge = spawn();
    changed(true);
  }
  return found.bridge;
}

void bridge_directory::set_up(const std::string& node, bool up) {
  std::lock_guard guard{mutex_};
  if (closed_)
    return;
  nodes_[node].up = up;
  changed(std::any_of(nodes_.begin(), nodes_.end(), [](const auto& each) { return !each.second.up; }));
}

void bridge_directory::set_drained(std::set<std::string, std::less<>> nodes) {
  std::lock_guard guard{mutex_};
  drained_ = std::move(nodes);
}

std::set<std::string, std::less<>> bridge_directory::drained() const {
  std::lock_guard guard{mutex_};
  return drained_;
}

bool bridge_directory::is_down(std::string_view node) const {
  if (node == own_)
    return false;
  std::lock_guard guard{mutex_};
  const auto at = nodes_.find(node);
  return at == nodes_.end() || !at->second.up;
}

std::vector<std::string> bridge_directory::reachable() const {
  std::lock_guard guard{mutex_};
  std::vector<std::string> up;
  for (const auto& [name, each] : nodes_)
    if (each.up && !drained_.contains(name))
      up.push_back(name);
  return up;
}

std::vector<caf::actor> bridge_directory::all() const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> bridges;
  for (const auto& [name, each] : nodes_)
    if (each.bridge)
      bridges.push_back(each.bridge);
  return bridges;
}

std::vector<caf::actor> bridge_directory::of_tag(uint32_t tag) const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> bridges;
  for (const auto& [name, each] : nodes_)
    if (each.bridge && node_tag(name) == tag)
      bridges.push_back(each.bridge);
  return bridges;
}

bool bridge_directory::tag_is_up(uint32_t tag) const {
  std::lock_guard guard{mutex_};
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& each) { return each.second.up && node_tag(each.first) == tag; });
}

std::vector<caf::actor> bridge_directory::close() {
  std::lock_guard guard{mutex_};
  closed_ = true;
  std::vector<caf::actor> bridges;
  for (auto& [name, each] : nodes_)
    if (each.bridge)
      bridges.push_back(std::move(each.bridge));
  nodes_.clear();
  return bridges;
}

} // namespace broker
