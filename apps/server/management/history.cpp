#include "management/history.hpp"

#include <utility>

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
  std::array<uint64_t, metric_count> taken{};
  for (size_t i = 0; i < metric_count; ++i)
    taken[i] = metrics()[i].of(now);
  std::vector<uint64_t> last{log_.newest().begin(), log_.newest().end()};
  const uint64_t last_s = log_.newest_s();
  log_.add(now_s, taken);
  if (log_.newest_s() == last_s)
    return;
  before_ = std::move(last);
  before_s_ = last_s;
}

double history::rate(size_t metric) const {
  if (before_s_ == 0 || before_s_ > log_.newest_s())
    return 0;
  const auto rise = static_cast<double>(log_.newest()[metric]) - static_cast<double>(before_[metric]);
  return rise / static_cast<double>(log_.newest_s() - before_s_);
}

} // namespace broker::management
