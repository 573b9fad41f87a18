#include "ceiling_run.hpp"

#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "consumer.hpp"
#include "failure.hpp"
#include "handshake.hpp"
#include "measurement.hpp"
#include "publisher.hpp"

namespace broker::bench {
namespace {

/// Reads until the other end closes.
void swallow(const descriptor& from) {
  std::vector<char> buffer(256u << 10);
  while (read(from.get(), buffer.data(), buffer.size()) > 0) {
  }
}

/// Writes deliveries with growing sequence numbers until told to stop or the other end closes.
void pour(const descriptor& to, message_slab slab, const std::atomic<bool>& stop, std::atomic<uint64_t>& poured) {
  uint64_t sequence = 0;
  while (!stop) {
    const time_ns now = now_ns();
    for (size_t slot = 0; slot < slab.slots(); ++slot)
      slab.put(slot, stamp::make(0, sequence++, now));
    std::string_view left = slab.range(0, slab.slots());
    while (!left.empty()) {
      const ssize_t written = send(to.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (written <= 0)
        return;
      left.remove_prefix(static_cast<size_t>(written));
    }
  }
  poured = sequence;
}

void measure_publishing(const options& run, const message_shape& shape, report& to) {
  connected_pair pair = connect_over_loopback();
  event_loop loop;
  measurement cost{0};
  std::thread sink{[&pair] { swallow(pair.far); }};
  {
    publisher source{loop,
                     client_socket{std::move(pair.near)},
                     message_slab{{encode_publish("", run.name + ".0", shape)}},
                     {0},
                     publisher_settings{}};
    const time_ns begin = now_ns();
    const time_ns end = begin + static_cast<time_ns>(run.seconds / 2 * static_cast<double>(ns_per_second));
    source.start(begin);
    for (time_ns now = begin; now < end; now = now_ns())
      loop.run_once(source.pump(now) ? 0 : ns_per_second / 20);
    cost.end();
    to.add("publish_rate", static_cast<double>(source.published()) / seconds_between(begin, now_ns()));
    to.add("publish_cpu_s_per_M", cost.own_cpu_used() * 1e6 / static_cast<double>(source.published()));
  }
  sink.join();
}

void measure_consuming(const options& run, const message_shape& shape, outcome& result) {
  connected_pair pair = connect_over_loopback();
  event_loop loop;
  queue_check check;
  check.expect(0);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> poured = 0;
  measurement cost{0};
  std::thread source{[&] { pour(pair.far, message_slab{{encode_deliver(run.name + ".0", shape)}}, stop, poured); }};
  consumer sink{loop, client_socket{std::move(pair.near)}, check,
                consumer_settings{.size = run.size, .verify = run.verify}};
  const time_ns begin = now_ns();
  const time_ns end = begin + static_cast<time_ns>(run.seconds / 2 * static_cast<double>(ns_per_second));
  while (poured == 0 || sink.received() < poured) {
    stop = now_ns() >= end;
    loop.run_once(ns_per_second / 20);
  }
  source.join();
  cost.end();
  result.result.add("consume_rate",
                    static_cast<double>(sink.received()) / seconds_between(begin, sink.last_delivery()));
  result.result.add("consume_cpu_s_per_M", cost.own_cpu_used() * 1e6 / static_cast<double>(sink.received()));
  result.as_promised =
    check.missing({poured}) == 0 && check.duplicated() == 0 && sink.reordered() == 0 && sink.corrupt() == 0;
}

} // namespace

outcome run_ceiling(const options& run) {
  outcome result;
  const message_shape shape{run.size, run.persistent, handshake::frame_max_offered};
  result.result.add("mode", name_of(run.mode));
  measure_publishing(run, shape, result.result);
  measure_consuming(run, shape, result);
  return result;
}

} // namespace broker::bench
