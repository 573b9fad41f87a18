// What a load reports: rates, latencies, costs, and the verdict on every message.
#include <algorithm>

#include "load.hpp"

namespace broker::bench {
namespace {

double per_second(uint64_t count, time_ns from, time_ns to) {
  const double seconds = seconds_between(from, to);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

} // namespace

time_ns load::last_delivery() const {
  time_ns last = 0;
  for (const auto& each : consumers_)
    last = std::max(last, each.last_delivery());
  return last;
}

void load::report_publishing(const measurement& cost, const std::string& prefix) {
  time_ns first = UINT64_MAX, last = 0;
  histogram latency;
  for (const auto& each : publishers_) {
    first = std::min(first, each.first_publish());
    last = std::max(last, run_.confirm_window != 0 ? each.last_confirm() : each.last_publish());
    latency.merge(each.confirm_latency());
  }
  const message_counts sum = counts();
  result().add("publish_rate", per_second(run_.confirm_window != 0 ? sum.confirmed : sum.published, first, last));
  result().add_latency("conf", latency);
  cost.add_to(result(), prefix, sum.published);
}

void load::report_expiry(time_ns empty_at, const measurement& cost) {
  time_ns first = UINT64_MAX;
  for (const auto& each : publishers_)
    first = std::min(first, each.first_publish());
  result().add("expire_rate", per_second(counts().published, first, empty_at));
  result().add("seconds", seconds_between(first, empty_at));
  cost.add_to(result(), "", counts().published);
}

void load::report_draining(const measurement& cost, const std::string& prefix) {
  time_ns first = UINT64_MAX;
  for (const auto& each : consumers_)
    if (each.received() != 0)
      first = std::min(first, each.first_delivery());
  const uint64_t received = counts().received;
  if (received != 0)
    result().add("first_delivery_s", seconds_between(consume_start_, first));
  result().add("drain_rate", per_second(received, consume_start_, last_delivery()));
  cost.add_to(result(), prefix, received);
}

void load::report_rates(const measurement& cost) {
  time_ns first = UINT64_MAX;
  for (const auto& each : publishers_)
    first = std::min(first, each.first_publish());
  const uint64_t received = counts().received;
  result().add("rate", per_second(received, first, last_delivery()));
  result().add("seconds", seconds_between(first, last_delivery()));
  histogram latency, confirms;
  for (const auto& each : consumers_)
    latency.merge(each.latency());
  for (const auto& each : publishers_)
    confirms.merge(each.confirm_latency());
  result().add_latency("lat", latency);
  result().add_latency("conf", confirms);
  cost.add_to(result(), "", received);
}

void load::report_checks() {
  const std::vector<uint64_t> sent = topology_.sent_by_stream(published_by_publisher());
  uint64_t lost = 0, duplicated = 0, misrouted = 0, reordered = 0, corrupt = 0, refused = 0, unconfirmed = 0;
  for (const auto& each : checks_) {
    lost += consumers_.empty() ? 0 : each.missing(sent);
    duplicated += each.duplicated();
    misrouted += each.misrouted();
  }
  for (const auto& each : consumers_) {
    reordered += each.reordered();
    corrupt += each.corrupt();
  }
  for (const auto& each : publishers_) {
    refused += each.refused();
    unconfirmed += each.outstanding();
  }
  const message_counts sum = counts();
  report& to = result();
  to.add("published", sum.published);
  to.add("confirmed", sum.confirmed);
  to.add("received", sum.received);
  for (const auto& [name, count] : {std::pair{"lost", lost},
                                    {"duplicated", duplicated},
                                    {"reordered", reordered},
                                    {"misrouted", misrouted},
                                    {"corrupt", corrupt},
                                    {"refused", refused},
                                    {"unconfirmed", unconfirmed},
                                    {"stalled", stalled_ ? 1u : 0u}}) {
    to.add(name, count);
    outcome_.as_promised = outcome_.as_promised && count == 0;
  }
}

} // namespace broker::bench
