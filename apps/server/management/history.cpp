#include "management/history.hpp"

#include <algorithm>

namespace broker::management {

namespace {

template<counted What>
uint64_t count(const node_activity& of) {
  return of.messages[What];
}

template<uint64_t node_activity::*Member>
uint64_t figure(const node_activity& of) {
  return of.*Member;
}

} // namespace

const std::array<metric, metric_count>& metrics() {
  using enum metric_group;
  using a = node_activity;
  static constexpr std::array<metric, metric_count> all{{
    {"publish", message_stats, count<counted::publish>},
    {"confirm", message_stats, count<counted::confirm>},
    {"return_unroutable", message_stats, count<counted::return_unroutable>},
    {"drop_unroutable", message_stats, count<counted::drop_unroutable>},
    {"get", message_stats, count<counted::get>},
    {"get_no_ack", message_stats, count<counted::get_no_ack>},
    {"deliver", message_stats, count<counted::deliver>},
    {"deliver_no_ack", message_stats, count<counted::deliver_no_ack>},
    {"redeliver", message_stats, count<counted::redeliver>},
    {"ack", message_stats, count<counted::ack>},
    {"deliver_get", message_stats, [](const a& of) { return of.messages.deliver_get(); }},
    {"get_empty", message_stats, count<counted::get_empty>},
    {"disk_reads", message_stats, figure<&a::disk_reads>},
    {"disk_writes", message_stats, figure<&a::disk_writes>},
    {"connection_created", churn_rates, figure<&a::connections_opened>},
    {"connection_closed", churn_rates, figure<&a::connections_closed>},
    {"channel_created", churn_rates, figure<&a::channels_opened>},
    {"channel_closed", churn_rates, figure<&a::channels_closed>},
    {"queue_declared", churn_rates, figure<&a::queues_declared>},
    {"queue_created", churn_rates, figure<&a::queues_created>},
    {"queue_deleted", churn_rates, figure<&a::queues_deleted>},
    {"messages_ready", queue_totals, figure<&a::ready>},
    {"messages_unacknowledged", queue_totals, figure<&a::unacknowledged>},
    {"messages", queue_totals, [](const a& of) { return of.ready + of.unacknowledged; }},
  }};
  return all;
}

void history::add(uint64_t now_s, const node_activity& now) {
  if (now_s <= newest_s_)
    return;
  values taken;
  for (size_t i = 0; i < metric_count; ++i)
    taken[i] = metrics()[i].of(now);
  before_ = newest_;
  before_s_ = newest_s_;
  newest_ = taken;
  newest_s_ = now_s;
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto& kept = rings_[i].at;
    if (kept.empty())
      kept.resize(sizes[i].samples);
    const uint64_t slot_s = now_s / sizes[i].interval_s * sizes[i].interval_s;
    kept[slot_s / sizes[i].interval_s % sizes[i].samples] = {slot_s, taken}; // the last of its interval stays
  }
}

double history::rate(size_t metric) const {
  if (before_s_ == 0)
    return 0;
  const auto rise = static_cast<double>(newest_[metric]) - static_cast<double>(before_[metric]);
  return rise / static_cast<double>(newest_s_ - before_s_);
}

const history::values* history::find(size_t level, uint64_t at_s) const {
  const auto& all = rings_[level].at;
  if (all.empty())
    return nullptr;
  const uint64_t slot_s = at_s / sizes[level].interval_s * sizes[level].interval_s;
  const auto& [time_s, found] = all[slot_s / sizes[level].interval_s % sizes[level].samples];
  return time_s == slot_s ? &found : nullptr;
}

std::vector<std::pair<uint64_t, uint64_t>> history::samples(size_t metric, uint64_t age_s, uint64_t step_s) const {
  constexpr uint64_t most = 1'000;
  std::vector<std::pair<uint64_t, uint64_t>> taken;
  if (newest_s_ == 0 || step_s == 0)
    return taken;
  step_s = std::max(step_s, interval_s);
  size_t level = 0;
  while (level + 1 < sizes.size() && sizes[level].interval_s * (sizes[level].samples - 1) < age_s)
    ++level;
  const uint64_t last_s = newest_s_ / step_s * step_s;
  uint64_t known = newest_[metric]; // what a gap is filled with
  for (uint64_t i = 0; i <= std::min(age_s / step_s, most) && last_s >= i * step_s; ++i) {
    const uint64_t at_s = last_s - i * step_s;
    if (const auto* found = find(level, at_s))
      known = (*found)[metric];
    else if (at_s + sizes[level].interval_s < newest_s_ && i != 0)
      known = metrics()[metric].group == metric_group::queue_totals ? 0 : known;
    taken.emplace_back(at_s * 1'000, known);
  }
  return taken;
}

} // namespace broker::management
