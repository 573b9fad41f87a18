// Routing of one publish over the exchanges of a vhost. Order of exchanges is breadth first, so that the answer is the
// same on every run; each exchange is visited once, which is what cuts cycles of bindings (W43) and of alternates
// (W46).
#include <algorithm>
#include <memory_resource>
#include <unordered_set>

#include "metadata/snapshot_view.hpp"
#include "model/routed_message.hpp"

namespace broker {
namespace {

/// Is this publish kept back by the exchange? A delay that is too long has been refused to the publisher already; one
/// that comes through another exchange is none.
bool is_delayed(const exchange_record& exchange, const routing_input& what) {
  if (!exchange.delay_queue)
    return false;
  const auto delay = exchange.plugin->delay_ms(what);
  return delay && *delay > 0;
}

/// Queues found from `first` on, each once, in the order of their ids.
void keep_each_once(std::vector<queue_ptr>& queues, size_t first) {
  const auto begin = queues.begin() + static_cast<std::ptrdiff_t>(first);
  std::sort(begin, queues.end(), [](const queue_ptr& a, const queue_ptr& b) { return a->id < b->id; });
  queues.erase(std::unique(begin, queues.end(), [](const queue_ptr& a, const queue_ptr& b) { return a->id == b->id; }),
               queues.end());
}

} // namespace

routed_by route_message(const vhost_tables& vhost, const exchange_record& from, const message& what,
                        std::vector<queue_ptr>& to) {
  routed_by by = routed_by::keys;
  const routed_message keys{what};
  const size_t first = to.size();
  std::byte stack[512];
  std::pmr::monotonic_buffer_resource arena{stack, sizeof stack};
  found_destinations found{to, std::pmr::vector<const exchange_record*>{&arena}};

  if (from.name.empty()) { // the default exchange: every queue is bound by its name
    for (const std::string_view key : keys.keys())
      if (const queue_ptr* queue = vhost.queues.find(key)) {
        to.push_back(*queue);
        ++found.groups;
      }
  } else {
    std::pmr::vector<std::string_view> visited{{from.name}, &arena};
    std::pmr::unordered_set<std::string_view> seen{&arena}; // the same, for looking up only
    const auto visit_later = [&](std::string_view name) {
      if (name != from.name && seen.insert(name).second)
        visited.push_back(name);
    };
    for (size_t at = 0; at < visited.size(); ++at) {
      const ref<exchange_node>* node = vhost.exchanges.find(visited[at]);
      if (!node)
        continue; // a missing alternate exchange is no error
      const size_t groups_before = found.groups;
      found.exchanges.clear();
      by = std::max(by, (*node)->router.looks_at());
      if (is_delayed(*(*node)->record, keys.input())) {
        to.push_back((*node)->record->delay_queue);
        ++found.groups;
        continue;
      }
      (*node)->router.route(keys.input(), found);
      for (const exchange_record* exchange : found.exchanges)
        visit_later(exchange->name);
      const exchange_record& record = *(*node)->record;
      if (found.groups == groups_before && !record.alternate_exchange.empty())
        visit_later(record.alternate_exchange);
    }
  }
  if (found.groups > 1)
    keep_each_once(to, first);
  return by;
}

} // namespace broker
