#include "declare_run.hpp"

#include "control.hpp"
#include "histogram.hpp"
#include "measurement.hpp"

namespace broker::bench {
namespace {

/// Calls `step(i)` for 0 … count − 1. @returns steps a second.
template<class function>
double time_each(uint32_t count, histogram& latency, function step) {
  const time_ns begin = now_ns();
  time_ns last = begin;
  for (uint32_t i = 0; i < count; ++i) {
    step(i);
    const time_ns now = now_ns();
    latency.record(now - last);
    last = now;
  }
  return count / seconds_between(begin, last);
}

} // namespace

outcome run_declares(const options& run) {
  control client{run.broker};
  const auto name = [&run](uint32_t i) { return run.name + ".declare." + std::to_string(i); };
  histogram declares, deletes;
  measurement cost{run.pid};
  const double declare_rate = time_each(
    run.count, declares, [&](uint32_t i) { client.declare_queue(name(i), {.durable = true, .quorum = run.quorum}); });
  cost.end();
  const double delete_rate = time_each(run.count, deletes, [&](uint32_t i) { client.delete_queue(name(i)); });
  client.close();

  outcome result;
  result.result.add("mode", name_of(run.mode));
  result.result.add("queues", uint64_t{run.count});
  result.result.add("rate", declare_rate);
  result.result.add_latency("lat", declares);
  result.result.add("delete_rate", delete_rate);
  result.result.add_latency("delete", deletes);
  if (cost.knows_broker()) {
    result.result.add("broker_rss_kb_per_queue", cost.broker_rss_growth_kb() / run.count);
    result.result.add("broker_cpu_ms_per_queue", cost.broker_cpu_seconds() * 1000 / run.count);
  }
  return result;
}

} // namespace broker::bench
