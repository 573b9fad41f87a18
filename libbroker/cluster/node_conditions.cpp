#include "cluster/node_conditions.hpp"

#include <algorithm>
#include <cstdint>

namespace broker::cluster {

namespace {

/// First byte of a frame of cluster_service::control. Never reuse one.
constexpr char kind_condition = 1;
constexpr char kind_answer = 2;
constexpr uint8_t memory_bit = 1;
constexpr uint8_t disk_bit = 2;
constexpr uint8_t drained_bit = 4;
constexpr size_t condition_size = 2;

} // namespace

std::string blocked_reason(const node_condition& what) {
  if (what.memory && what.disk)
    return "low on memory & disk";
  return what.memory ? "low on memory" : what.disk ? "low on disk" : "";
}

std::vector<std::string> alarm_texts(const std::string& node, const node_condition& what) {
  std::vector<std::string> texts;
  if (what.memory)
    texts.push_back("Memory alarm on node " + node);
  if (what.disk)
    texts.push_back("Free disk space alarm on node " + node);
  return texts;
}

void node_conditions::set_own(const node_condition& now) {
  if (now == own_)
    return;
  own_ = now;
  for (auto& [node, each] : peers_)
    each.told = false;
}

void node_conditions::reached(const std::string& node, bool fresh) {
  peer& who = peers_[node];
  if (fresh)
    who = {};
  who.reached = who.session = true;
}

void node_conditions::unreachable(const std::string& node) {
  if (const auto at = peers_.find(node); at != peers_.end())
    at->second.reached = false;
}

void node_conditions::lost(const std::string& node) {
  peers_.erase(node);
}

void node_conditions::received(const std::string& node, std::string_view frame) {
  if (frame == answer()) {
    if (peer& who = peers_[node]; who.asks != 0)
      --who.asks;
    return;
  }
  if (frame.size() != condition_size || frame[0] != kind_condition)
    return;
  const auto bits = static_cast<uint8_t>(frame[1]);
  peer& who = peers_[node];
  who.says = {(bits & memory_bit) != 0, (bits & disk_bit) != 0, (bits & drained_bit) != 0};
  ++who.owed;
}

node_conditions::by_node node_conditions::others() const {
  by_node all;
  for (const auto& [node, each] : peers_)
    if (each.reached && each.says != node_condition{})
      all.emplace(node, each.says);
  return all;
}

std::string node_conditions::frame() const {
  const int bits = (own_.memory ? memory_bit : 0) | (own_.disk ? disk_bit : 0) | (own_.drained ? drained_bit : 0);
  return {kind_condition, static_cast<char>(bits)};
}

std::vector<std::string> node_conditions::untold() const {
  std::vector<std::string> nodes;
  for (const auto& [node, each] : peers_)
    if (each.session && !each.told)
      nodes.push_back(node);
  return nodes;
}

void node_conditions::told(const std::string& node) {
  peer& who = peers_[node];
  who.told = true;
  ++who.asks;
}

size_t node_conditions::unaware() const {
  return static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& each) {
    const peer& who = each.second;
    return who.reached && (!who.told || who.asks != 0);
  }));
}

std::string node_conditions::answer() {
  return {kind_answer};
}

std::vector<std::string> node_conditions::unanswered() const {
  std::vector<std::string> nodes;
  for (const auto& [node, each] : peers_)
    if (each.session && each.owed != 0)
      nodes.push_back(node);
  return nodes;
}

void node_conditions::answered(const std::string& node) {
  --peers_[node].owed;
}

} // namespace broker::cluster
