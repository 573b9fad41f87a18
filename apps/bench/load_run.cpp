#include "load_run.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>

#include "consumer.hpp"
#include "control.hpp"
#include "failure.hpp"
#include "measurement.hpp"
#include "progress.hpp"
#include "publisher.hpp"
#include "topology.hpp"

namespace broker::bench {
namespace {

/// One run: publishers and consumers on one event loop, in one thread.
class load_run {
public:
  explicit load_run(const options& run) : run_(run), topology_(topology::of(run)), checks_(run.queues) {
    for (const auto& targets : topology_.publishers)
      for (const auto& each : targets)
        for (const uint32_t queue : each.queues)
          checks_[queue].expect(each.stream);
  }

  void declare();
  void remove();
  void open_publishers();
  void open_consumers();

  /// Runs until everything published is written, answered and, with consumers, received; or nothing moves any more.
  measurement drive();

  /// For a drain: what another process has published.
  void assume_published() { published_elsewhere_ = true; }

  void report_rates(const measurement& cost);
  void report_publishing(const measurement& cost, const std::string& prefix);
  void report_draining(const measurement& cost, const std::string& prefix);
  void report_checks();

  /// Nothing moved for `drain_timeout`: the broker may not even answer any more.
  bool stalled() const { return stalled_; }

  outcome take_outcome() { return std::move(outcome_); }

  report& result() { return outcome_.result; }

private:
  publisher_settings settings_of(uint32_t publisher) const;
  std::vector<uint64_t> published_by_publisher() const;
  message_counts counts() const;
  bool finished();
  void stop_publishers();
  time_ns pump_publishers(time_ns now);

  time_ns last_delivery() const;
  const options& run_;
  topology topology_;
  std::vector<queue_check> checks_;
  event_loop loop_;
  std::deque<publisher> publishers_;
  std::deque<consumer> consumers_;
  bool published_elsewhere_ = false;
  bool stalled_ = false;
  time_ns consume_start_ = 0;
  outcome outcome_;
};

uint64_t share(uint64_t whole, uint64_t parts, uint64_t part) {
  return whole / parts + (part < whole % parts ? 1 : 0);
}

void load_run::declare() {
  control setup{run_.broker};
  if (!topology_.exchange.empty())
    setup.declare_exchange(topology_.exchange, topology_.exchange_type, run_.persistent);
  const bool durable = run_.persistent || run_.quorum;
  for (const auto& queue : topology_.queues) {
    setup.delete_queue(queue);
    setup.declare_queue(queue, {.durable = durable, .exclusive = false, .quorum = run_.quorum});
  }
  for (const auto& binding : topology_.bindings)
    setup.bind(topology_.queues[binding.queue], topology_.exchange, binding.key);
  setup.close();
}

void load_run::remove() {
  control teardown{run_.broker};
  for (const auto& queue : topology_.queues)
    teardown.delete_queue(queue);
  if (!topology_.exchange.empty())
    teardown.delete_exchange(topology_.exchange);
  teardown.close();
}

publisher_settings load_run::settings_of(uint32_t publisher) const {
  return {.confirm_window = run_.confirm_window,
          .messages = run_.messages == 0 ? UINT64_MAX : share(run_.messages, run_.publishers, publisher),
          .rate = run_.rate / run_.publishers};
}

void load_run::open_publishers() {
  for (uint32_t i = 0; i < run_.publishers; ++i) {
    control opening{run_.broker};
    if (run_.confirm_window != 0)
      opening.select_confirms();
    const message_shape shape{run_.size, run_.persistent, opening.frame_max()};
    std::vector<encoded_message> messages;
    std::vector<uint32_t> streams;
    for (const auto& target : topology_.publishers[i]) {
      messages.push_back(encode_publish(target.exchange, target.routing_key, shape));
      streams.push_back(target.stream);
    }
    publishers_.emplace_back(loop_, std::move(opening).release(), message_slab{messages}, std::move(streams),
                             settings_of(i));
  }
}

void load_run::open_consumers() {
  consume_start_ = now_ns();
  const consumer_settings settings{run_.ack, run_.ack_every, run_.size, run_.verify};
  for (uint32_t queue = 0; queue < run_.queues; ++queue)
    for (uint32_t i = 0; i < run_.consumers; ++i) {
      control opening{run_.broker};
      if (run_.prefetch != 0)
        opening.qos(run_.prefetch);
      opening.consume(topology_.queues[queue], run_.ack == ack_mode::automatic);
      consumers_.emplace_back(loop_, std::move(opening).release(), checks_[queue], settings).start(now_ns());
    }
}

message_counts load_run::counts() const {
  message_counts sum;
  for (const auto& each : publishers_) {
    sum.published += each.published();
    sum.confirmed += each.confirmed();
  }
  for (const auto& each : consumers_)
    sum.received += each.received();
  return sum;
}

std::vector<uint64_t> load_run::published_by_publisher() const {
  std::vector<uint64_t> published;
  for (uint32_t i = 0; i < run_.publishers; ++i)
    published.push_back(published_elsewhere_ ? share(run_.messages, run_.publishers, i) : publishers_[i].published());
  return published;
}

bool load_run::finished() {
  if (!std::ranges::all_of(publishers_, &publisher::finished))
    return false;
  if (consumers_.empty())
    return true;
  uint64_t expected = topology_.deliveries(topology_.sent_by_stream(published_by_publisher()));
  const uint64_t received = counts().received;
  if (received < expected)
    return false;
  for (const auto& each : checks_)
    expected += each.duplicated() + each.misrouted();
  return received >= expected;
}

void load_run::stop_publishers() {
  for (auto& each : publishers_)
    each.stop();
}

time_ns load_run::pump_publishers(time_ns now) {
  constexpr time_ns wait_max = 50'000'000; // so that the progress line and the time-out come in time
  time_ns wait = wait_max;
  for (auto& each : publishers_) {
    if (each.pump(now))
      wait = 0;
    const time_ns due = each.next_due();
    wait = std::min(wait, due > now ? due - now : 0);
  }
  return wait;
}

measurement load_run::drive() {
  measurement cost{run_.pid};
  const time_ns begin = now_ns();
  const bool timed = run_.messages == 0;
  const time_ns publish_end = begin + static_cast<time_ns>(run_.seconds * static_cast<double>(ns_per_second));
  const auto patience = static_cast<time_ns>(run_.drain_timeout * static_cast<double>(ns_per_second));
  progress shown{run_.quiet, begin};
  for (auto& each : publishers_)
    each.start(begin);
  for (;;) {
    const time_ns now = now_ns();
    if (timed && now >= publish_end)
      stop_publishers();
    loop_.run_once(pump_publishers(now));
    shown.update(counts(), now);
    if (finished())
      break;
    if (now - std::min(now, shown.last_moved()) > patience) {
      stalled_ = true;
      break;
    }
  }
  cost.end();
  while (!std::ranges::all_of(consumers_, &consumer::finish) && now_ns() - shown.last_moved() < patience)
    loop_.run_once(ns_per_second / 100);
  return cost;
}

time_ns load_run::last_delivery() const {
  time_ns last = 0;
  for (const auto& each : consumers_)
    last = std::max(last, each.last_delivery());
  return last;
}

double per_second(uint64_t count, time_ns from, time_ns to) {
  const double seconds = seconds_between(from, to);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

void load_run::report_publishing(const measurement& cost, const std::string& prefix) {
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

void load_run::report_draining(const measurement& cost, const std::string& prefix) {
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

void load_run::report_rates(const measurement& cost) {
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

void load_run::report_checks() {
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
                                    {"unconfirmed", unconfirmed}}) {
    to.add(name, count);
    outcome_.as_promised = outcome_.as_promised && count == 0;
  }
}

void run_rates(load_run& load, const options& run) {
  load.declare();
  load.open_consumers();
  load.open_publishers();
  const measurement cost = load.drive();
  if (run.consumers != 0)
    load.report_rates(cost);
  else
    load.report_publishing(cost, "");
}

void run_publish(load_run& load) {
  load.declare();
  load.open_publishers();
  load.report_publishing(load.drive(), "publish_");
}

void run_drain(load_run& load) {
  load.open_consumers();
  load.report_draining(load.drive(), "drain_");
}

} // namespace

outcome run_load(const options& run) {
  load_run load{run};
  load.result().add("mode", name_of(run.mode));
  if (run.mode == run_mode::rates) {
    run_rates(load, run);
  } else {
    if (run.mode == run_mode::drain)
      load.assume_published();
    else
      run_publish(load);
    if (run.mode != run_mode::publish && !load.stalled())
      run_drain(load);
  }
  load.report_checks();
  if (load.stalled())
    std::fprintf(stderr, "warren-bench: gave up after %g s without progress; the queues are left behind\n",
                 run.drain_timeout);
  else if (!run.keep && run.mode != run_mode::publish)
    load.remove();
  return load.take_outcome();
}

} // namespace broker::bench
