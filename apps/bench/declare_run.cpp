#include "declare_run.hpp"

#include <algorithm>
#include <future>
#include <vector>

#include "control.hpp"
#include "histogram.hpp"
#include "measurement.hpp"

namespace broker::bench {
namespace {

struct timed_steps {
  histogram latency;
  time_ns end = 0;
};

/// Calls `step(client, i)` for 0 … count − 1, each client its share one after the other, all clients at the same time.
/// @returns steps a second.
template<class function>
double time_each(std::vector<control>& clients, uint32_t count, histogram& latency, function step) {
  const time_ns begin = now_ns();
  const auto share = [&](size_t first) {
    timed_steps done{{}, begin};
    for (size_t i = first; i < count; i += clients.size()) {
      step(clients[first], static_cast<uint32_t>(i));
      const time_ns now = now_ns();
      done.latency.record(now - done.end);
      done.end = now;
    }
    return done;
  };
  std::vector<std::future<timed_steps>> shares;
  for (size_t first = 0; first < clients.size(); ++first)
    shares.push_back(std::async(std::launch::async, share, first));
  time_ns end = begin;
  for (auto& each : shares) {
    const timed_steps done = each.get();
    latency.merge(done.latency);
    end = std::max(end, done.end);
  }
  return count / seconds_between(begin, end);
}

} // namespace

outcome run_declares(const options& run) {
  std::vector<control> clients;
  for (uint32_t i = 0; i < run.clients; ++i)
    clients.emplace_back(run.broker);
  const auto name = [&run](uint32_t i) { return run.name + ".declare." + std::to_string(i); };
  histogram declares, deletes;
  measurement cost{run.pid};
  const double declare_rate = time_each(clients, run.count, declares, [&](control& client, uint32_t i) {
    client.declare_queue(name(i), {.durable = true, .quorum = run.quorum});
  });
  cost.end();
  const double delete_rate =
    time_each(clients, run.count, deletes, [&](control& client, uint32_t i) { client.delete_queue(name(i)); });
  for (control& each : clients)
    each.close();

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
