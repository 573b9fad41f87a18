#include "channel/queue_placement.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace broker {

namespace {

struct queue_counts {
  std::map<std::string, size_t> of;
  size_t all = 0;
  size_t at(const std::string& node) const {
    const auto found = of.find(node);
    return found == of.end() ? 0 : found->second;
  }
};

queue_counts count_queues(const metadata_snapshot& metadata) {
  queue_counts counts;
  metadata.visit_queues([&](const queue_ptr& each) {
    ++counts.of[each->node];
    ++counts.all;
  });
  return counts;
}

} // namespace

std::string place_queue(const metadata_snapshot& metadata, const queue_record& wanted, bool server_named,
                        const node_reachability* nodes, const std::string& by_default, random_source& random) {
  if (!nodes || wanted.exclusive || server_named)
    return wanted.node;
  std::string locator = metadata.options_of(wanted).leader_locator;
  if (locator.empty())
    locator = by_default;
  if (locator.empty() || locator == "client-local")
    return wanted.node;
  std::vector<std::string> running = nodes->reachable();
  running.push_back(wanted.node);
  std::sort(running.begin(), running.end());
  const auto counts = locator == "random" ? queue_counts{} : count_queues(metadata);
  if (locator == "random" || counts.all >= balanced_queues_max)
    return running[random.below(running.size())];
  return *std::min_element(running.begin(), running.end(),
                           [&](const std::string& a, const std::string& b) { return counts.at(a) < counts.at(b); });
}

} // namespace broker
