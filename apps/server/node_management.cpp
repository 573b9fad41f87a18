// The management service of a running app: what it may use of the node, and when it comes and goes.
#include <sys/time.h>

#include <boost/asio/post.hpp>

#include "actors/operator_channel.hpp"
#include "control_verbs.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

uint64_t milliseconds(auto since) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

} // namespace

/// The service ends before the app, so it may use it without looking.
result<void> node::impl::start_management() {
  broker_app* const running = app.get();
  management::host around{
    .node = *this,
    .config = config,
    .on_control = [this](std::function<void()> work) { boost::asio::post(control_io, std::move(work)); },
    .run_verb =
      [this](control::request what, control::reply done) {
        boost::asio::post(
          control_io, [this, what = std::move(what), done = std::move(done)] { control_verbs (*this)(what, done); });
      },
    .open_channel =
      [running](login who, std::string vhost, std::function<void(ref<operator_channel>)> done) {
        running->open_channel(std::move(who), std::move(vhost), std::move(done));
      },
    .activity =
      [running](std::function<void(management::activity_report)> done) { running->activity(std::move(done)); },
    .exchanges = [running](const exchange_totals::exists_function& exists) { return running->exchanges(exists); },
    .own_queues =
      [running](std::function<void(std::vector<queue_info>)> done) { running->list_own_queues(std::move(done)); },
    .ask_queue =
      [running](queue_ptr queue, std::function<void(std::vector<queue_info>)> done) {
        running->ask_queue(queue, std::move(done));
      },
    .ask_consumers =
      [running](queue_ptr queue, std::function<void(std::vector<consumer_info>)> done) {
        running->ask_consumers(queue, std::move(done));
      },
    .look =
      [running](queue_ptr queue, look_order order, std::function<void(std::vector<look_answer>)> done) {
        running->look(queue, order, std::move(done));
      },
    .flow_of =
      [running](queue_ptr queue, std::function<void(std::vector<queue_flow>)> done) {
        running->flow_of(queue, std::move(done));
      },
    .cut_off_for_ms = [running] { return running->cut_off_for_ms(); },
    .now_ms = [] { return milliseconds(std::chrono::steady_clock::now().time_since_epoch()); },
    .unix_ms = [] { return milliseconds(std::chrono::system_clock::now().time_since_epoch()); },
    .say = [this](log_level level, const std::string& text) { say(level, text); },
  };
  http = std::make_unique<management::service>(std::move(around));
  if (auto opened = http->open(); !opened)
    return opened;
  http->start();
  on_control([this] { reporting = http.get(); });
  return {};
}

void node::impl::stop_management() {
  on_control([this] { reporting = nullptr; });
  if (http)
    http->stop();
  http.reset();
}

void node::impl::management_report(const control::request& what, control::reply done) {
  reporting == nullptr ? node_view::management_report(what, std::move(done)) : reporting->report(what, std::move(done));
}

} // namespace broker
