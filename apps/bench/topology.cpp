#include "topology.hpp"

#include <numeric>

namespace broker::bench {
namespace {

std::string hop_name(const std::string& queue, uint32_t number) {
  return queue + ".hop." + std::to_string(number);
}

std::vector<hop> hops_of(const options& run, const topology& shape) {
  std::vector<hop> hops;
  for (const auto& queue : shape.queues)
    for (uint32_t i = 0; i < run.hops; ++i)
      hops.push_back({hop_name(queue, i), i + 1 == run.hops ? queue : hop_name(queue, i + 1)});
  return hops;
}

std::vector<target> direct_targets(const options& run, const topology& shape, uint32_t publisher) {
  std::vector<target> targets;
  for (uint32_t queue = publisher % run.queues; queue < run.queues; queue += run.publishers)
    targets.push_back({0, "", run.hops == 0 ? shape.queues[queue] : hop_name(shape.queues[queue], 0), {queue}});
  return targets;
}

std::vector<target> topic_targets(const options& run, const topology& shape) {
  std::vector<target> targets;
  for (uint32_t i = 0; i < run.bindings; ++i)
    targets.push_back({0, shape.exchange, "topic." + std::to_string(i) + ".message", {i % run.queues}});
  return targets;
}

std::vector<target> fanout_targets(const options& run, const topology& shape) {
  std::vector<uint32_t> all(run.queues);
  std::iota(all.begin(), all.end(), 0u);
  return {{0, shape.exchange, "", all}};
}

std::vector<binding> bindings_of(const options& run) {
  std::vector<binding> bindings;
  if (run.exchange == exchange_kind::fanout)
    for (uint32_t queue = 0; queue < run.queues; ++queue)
      bindings.push_back({queue, ""});
  if (run.exchange == exchange_kind::topic)
    for (uint32_t i = 0; i < run.bindings; ++i)
      bindings.push_back({i % run.queues, "topic." + std::to_string(i) + ".*"});
  return bindings;
}

} // namespace

topology topology::of(const options& run) {
  topology result;
  if (run.exchange != exchange_kind::none) {
    result.exchange = run.name + ".exchange";
    result.exchange_type = run.exchange == exchange_kind::fanout ? "fanout" : "topic";
  }
  for (uint32_t queue = 0; queue < run.queues; ++queue)
    result.queues.push_back(run.name + "." + std::to_string(queue));
  result.hops = hops_of(run, result);
  result.bindings = bindings_of(run);
  uint32_t stream = 0;
  for (uint32_t publisher = 0; publisher < run.publishers; ++publisher) {
    std::vector<target> targets = run.exchange == exchange_kind::none  ? direct_targets(run, result, publisher)
                                : run.exchange == exchange_kind::topic ? topic_targets(run, result)
                                                                       : fanout_targets(run, result);
    for (auto& each : targets)
      each.stream = stream++;
    result.publishers.push_back(std::move(targets));
  }
  return result;
}

uint32_t topology::streams() const {
  uint32_t sum = 0;
  for (const auto& targets : publishers)
    sum += static_cast<uint32_t>(targets.size());
  return sum;
}

std::vector<uint64_t> topology::sent_by_stream(const std::vector<uint64_t>& published) const {
  std::vector<uint64_t> sent(streams());
  for (size_t publisher = 0; publisher < publishers.size(); ++publisher) {
    const auto& targets = publishers[publisher];
    for (size_t i = 0; i < targets.size(); ++i)
      sent[targets[i].stream] = (published[publisher] + targets.size() - 1 - i) / targets.size();
  }
  return sent;
}

uint64_t topology::deliveries(const std::vector<uint64_t>& sent) const {
  uint64_t sum = 0;
  for (const auto& targets : publishers)
    for (const auto& each : targets)
      sum += sent[each.stream] * each.queues.size();
  return sum;
}

} // namespace broker::bench
