#include "connection_runs.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <sys/resource.h>
#include <thread>

#include "control.hpp"
#include "event_loop.hpp"
#include "failure.hpp"
#include "handshake.hpp"
#include "histogram.hpp"
#include "measurement.hpp"
#include "message_slab.hpp"
#include "wire.hpp"

namespace broker::bench {
namespace {

/// One client on the event loop: the handshake, then whatever `on_open` and `on_method` of the mode make of it.
class connecting_client : public event_handler {
public:
  connecting_client(event_loop& loop, const endpoint& broker)
    : loop_(loop), begin_(now_ns()), socket_(client_socket::connect(broker.host, broker.port)), opening_(broker) {
    opening_.begin(socket_.output());
    send();
  }

  ~connecting_client() override { loop_.forget(socket_.fd()); }

  connecting_client(const connecting_client&) = delete;
  connecting_client& operator=(const connecting_client&) = delete;

  void on_readable(time_ns) override {
    if (socket_.receive() == 0)
      return;
    wire::frame in;
    while (!done_) {
      const size_t size = wire::take_frame(socket_.received(), in);
      if (size == 0)
        break;
      take(in);
      socket_.consume(size);
    }
    if (socket_.has_output())
      send();
  }

  void on_writable(time_ns) override { send(); }

  bool done() const { return done_; }

  time_ns begin() const { return begin_; }

protected:
  virtual void on_open() = 0;
  virtual void on_method(wire::method id) = 0;

  std::string& output() { return socket_.output(); }

  uint32_t frame_max() const { return opening_.frame_max(); }

  void set_done() { done_ = true; }

private:
  void take(const wire::frame& in) {
    if (open_) {
      wire::throw_if_close(in);
      if (in.type == wire::frame_method)
        on_method(wire::reader{in.payload}.id());
    } else if (opening_.on_frame(in, socket_.output())) {
      open_ = true;
      on_open();
    }
  }

  void send() { loop_.watch(socket_.fd(), *this, !socket_.flush()); }

  event_loop& loop_;
  time_ns begin_;
  client_socket socket_;
  handshake opening_;
  bool open_ = false;
  bool done_ = false;
};

/// Stays open until it is destroyed.
class held_client final : public connecting_client {
  using connecting_client::connecting_client;

  void on_open() override { set_done(); }

  void on_method(wire::method) override {}
};

class churning_client final : public connecting_client {
public:
  churning_client(event_loop& loop, const endpoint& broker, std::string queue, const message_shape& shape)
    : connecting_client(loop, broker), queue_(std::move(queue)), shape_(shape) {}

private:
  void on_open() override { append_queue_declare(output(), queue_, {.durable = false, .exclusive = true}); }

  void on_method(wire::method id) override {
    if (id == wire::method::queue_declare_ok) {
      shape_.frame_max = frame_max();
      output().append(encode_publish("", queue_, shape_).bytes);
      append_connection_close(output());
    } else if (id == wire::method::connection_close_ok) {
      set_done();
    }
  }

  std::string queue_;
  message_shape shape_;
};

constexpr time_ns stall_max = 60 * ns_per_second;

void wait_for_events(event_loop& loop, time_ns last_progress) {
  loop.run_once(ns_per_second / 10);
  if (now_ns() - last_progress > stall_max)
    throw failure{"the broker does not answer"};
}

/// The usual soft limit of 1024 does not hold a thousand connections and what else is open.
void raise_descriptor_limit(uint32_t connections) {
  constexpr rlim_t others = 64;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < connections + others)
    throw failure{"too few file descriptors for --count " + std::to_string(connections) + ": see ulimit -n"};
}

/// Memory settles a moment after the last connection opened.
constexpr std::chrono::milliseconds settling{500};

} // namespace

outcome run_connections(const options& run) {
  raise_descriptor_limit(run.count);
  event_loop loop;
  std::vector<std::unique_ptr<held_client>> clients;
  histogram latency;
  measurement cost{run.pid};
  const time_ns begin = now_ns();
  time_ns last_progress = begin;
  std::vector<held_client*> opening;
  while (latency.count() < run.count) {
    while (opening.size() < run.parallel && clients.size() < run.count) {
      clients.push_back(std::make_unique<held_client>(loop, run.broker));
      opening.push_back(clients.back().get());
    }
    wait_for_events(loop, last_progress);
    std::erase_if(opening, [&](const held_client* client) {
      if (!client->done())
        return false;
      last_progress = now_ns();
      latency.record(last_progress - client->begin());
      return true;
    });
  }
  const time_ns end = now_ns();
  std::this_thread::sleep_for(settling);
  cost.end();

  outcome result;
  result.result.add("mode", name_of(run.mode));
  result.result.add("connections", uint64_t{run.count});
  result.result.add("rate", run.count / seconds_between(begin, end));
  result.result.add_latency("lat", latency);
  result.result.add("generator_cpu_ms_per_connection", cost.own_cpu_used() * 1000 / run.count);
  if (cost.knows_broker()) {
    result.result.add("broker_rss_kb_per_connection", cost.broker_rss_growth_kb() / run.count);
    result.result.add("broker_cpu_ms_per_connection", cost.broker_cpu_seconds() * 1000 / run.count);
  }
  return result;
}

outcome run_churn(const options& run) {
  event_loop loop;
  const message_shape shape{.size = run.size, .persistent = run.persistent, .frame_max = 0};
  std::vector<std::unique_ptr<churning_client>> clients(run.parallel);
  histogram latency;
  uint64_t started = 0;
  measurement cost{run.pid};
  const time_ns begin = now_ns();
  const time_ns end = begin + static_cast<time_ns>(run.seconds * static_cast<double>(ns_per_second));
  time_ns last = begin;
  while (now_ns() < end || std::ranges::any_of(clients, [](const auto& each) { return each != nullptr; })) {
    for (auto& client : clients) {
      if (client && client->done()) {
        last = now_ns();
        latency.record(last - client->begin());
        client.reset();
      }
      if (!client && now_ns() < end)
        client =
          std::make_unique<churning_client>(loop, run.broker, run.name + ".churn." + std::to_string(started++), shape);
    }
    wait_for_events(loop, last);
  }
  cost.end();

  outcome result;
  result.result.add("mode", name_of(run.mode));
  result.result.add("cycles", latency.count());
  result.result.add("rate", static_cast<double>(latency.count()) / seconds_between(begin, last));
  result.result.add_latency("lat", latency);
  const auto cycles = static_cast<double>(latency.count());
  result.result.add("generator_cpu_ms_per_cycle", cost.own_cpu_used() * 1000 / cycles);
  if (cost.knows_broker())
    result.result.add("broker_cpu_ms_per_cycle", cost.broker_cpu_seconds() * 1000 / cycles);
  return result;
}

} // namespace broker::bench
