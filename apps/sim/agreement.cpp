#include "agreement.hpp"

#include <algorithm>

namespace broker::sim {

void agreement::flushed(const std::string& node, const metadata_host& host) {
  const uint64_t cluster = host.identity().cluster;
  if (host.leads()) {
    const uint64_t term = host.group().term();
    const auto [at, fresh] = leaders_.emplace(std::pair{cluster, term}, node);
    if (!fresh && at->second != node)
      broken_("G8: " + node + " and " + at->second + " both lead in term " + std::to_string(term));
  }
  const uint64_t index = host.applied_index();
  auto& before = views_[node];
  before.leader_known = !host.leader().empty();
  before.voters = host.group().members().voters;
  if (index == std::exchange(before.applied, index) || index == 0)
    return;
  applied_ = std::max(applied_, index);
  const uint64_t hash = hashes_[node].of(*host.state().image());
  const auto [at, fresh] = states_.emplace(std::pair{cluster, index}, seen{hash, node});
  if (!fresh && at->second.hash != hash)
    broken_("G8: " + node + " and " + at->second.node + " hold different metadata after entry "
            + std::to_string(index));
}

void agreement::queue_started(const std::string& node, const queue_record& record) {
  const auto title = "queue '" + record.name + "' (" + std::to_string(record.id) + ")";
  const auto [at, fresh] = masters_.emplace(record.id, std::pair{record.mastership, node});
  if (fresh)
    return;
  auto& [epoch, master] = at->second;
  if (record.mastership < epoch)
    broken_("C4: " + title + " starts on " + node + " in an epoch that is over");
  else if (record.mastership == epoch && node != master)
    broken_("C4: " + title + " has two masters in one epoch: " + master + " and " + node);
  epoch = record.mastership;
  master = node;
}

} // namespace broker::sim
