// What the management interface asks of a running app beside what tools ask.
#include <iterator>

#include <boost/asio/post.hpp>
#include <caf/send.hpp>

#include "actors/operator_channel.hpp"
#include "actors/queue_reports.hpp"
#include "broker_app.hpp"
#include "report_gathering.hpp"
#include "report_round.hpp"

namespace broker {

namespace {

void add_channel(management::activity_report& report, const channel_report& from) {
  auto& to = report.node;
  ++to.channels;
  to.channel_consumers += from.consumers;
  to.messages += from.messages.counts;
  to.queues_declared += from.queues_declared;
  to.publishers += from.messages.counts[counted::publish] != 0 ? 1 : 0;
  to.received_confirm += from.confirm ? from.messages.counts[counted::publish] : 0;
  report.channels.push_back({from.connection, from.number, from.messages.counts});
}

} // namespace

std::vector<queue_id> broker_app::own_queues(const metadata_snapshot& metadata) const {
  std::vector<queue_id> own;
  metadata.for_each_queue([&](const queue_ptr& each) {
    if (each->node == config.node_name)
      own.push_back(each->id);
  });
  return own;
}

void broker_app::ask_queues(std::vector<queue_id> which, bool is_sample,
                            std::function<void(std::vector<queue_info>)> take, std::function<void()> done) {
  const auto ask = [this, is_sample](queue_id id, const report_round<queue_info>::slice& asked) {
    const auto answer = [asked](queue_report report) { asked->add({std::move(report), {}, {}}); };
    if (auto who = shared.queues_by_id.find(id))
      caf::anon_send(who, queue_report_request{{id, answer, is_sample}});
  };
  const auto post = [this](std::function<void()> what) { boost::asio::post(loops.at(0).io(), std::move(what)); };
  std::make_shared<report_round<queue_info>>(
    std::move(which), report_round<queue_info>::ways{ask, post, std::move(take), std::move(done)})
    ->next();
}

void broker_app::list_own_queues(std::function<void(std::vector<queue_info>)> done) {
  const auto all = std::make_shared<std::vector<queue_info>>();
  const auto take = [all](std::vector<queue_info> some) {
    all->insert(all->end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  };
  ask_queues(own_queues(*shared.snapshots.read()), false, take,
             [all, done = std::move(done)] { done(std::move(*all)); });
}

/// What has ended is read first: a channel that ends meanwhile is missing once, and counted the next time.
void broker_app::activity(std::function<void(management::activity_report)> done) {
  management::node_activity base;
  const auto ended = shared.activity.ended();
  base.messages = ended.messages;
  base.channels_closed = ended.closed;
  base.queues_declared = ended.queues_declared;
  base.connections_opened = shared.activity.connections_opened;
  base.connections_closed = shared.activity.connections_closed;
  base.channels_opened = shared.activity.channels_opened;
  base.queues_created = shared.activity.queues_created;
  base.queues_deleted = shared.activity.queues_deleted;
  if (auto metadata = shared.snapshots.read(); metadata != own_in_) {
    own_ = own_queues(*metadata);
    own_in_ = std::move(metadata);
  }
  auto channels = std::make_shared<report_gathering<channel_report>>(
    [this, base, own = own_, done = std::move(done)](const std::vector<channel_report>& reports) {
      const auto now = std::make_shared<management::activity_report>();
      now->node = base;
      for (const auto& each : reports)
        add_channel(*now, each);
      const auto take = [this](const std::vector<queue_info>& some) {
        for (const auto& each : some)
          samples_.take(each);
      };
      ask_queues(samples_.begin_round(own, shared.touched.take(shared.now_ms())), true, take, [this, now, done] {
        samples_.add_to(*now);
        done(std::move(*now));
      });
    });
  for (const auto& channel : shared.channels_by_id.all())
    caf::anon_send(channel,
                   channel_report_request{[channels](channel_report report) { channels->add(std::move(report)); }});
}

void broker_app::ask_queue(const queue_ptr& queue, std::function<void(std::vector<queue_info>)> done) {
  auto all = std::make_shared<report_gathering<queue_info>>(std::move(done));
  ask_for_report(shared, queue->id, [all](queue_report report) { all->add({std::move(report), {}, {}}); });
}

void broker_app::ask_consumers(const queue_ptr& queue, std::function<void(std::vector<consumer_info>)> done) {
  auto all = std::make_shared<report_gathering<consumer_info>>(std::move(done));
  if (auto who = shared.queues_by_id.find(queue->id))
    caf::anon_send(who, consumer_report_request{{queue->id, [all](std::vector<consumer_report> reports) {
                                                   for (auto& each : reports)
                                                     all->add(std::move(each));
                                                 }}});
}

void broker_app::look(const queue_ptr& queue, const look_order& order,
                      std::function<void(std::vector<look_answer>)> done) {
  auto all = std::make_shared<report_gathering<look_answer>>(std::move(done));
  if (auto who = shared.queues_by_id.find(queue->id))
    caf::anon_send(who, queue_look_request{{order, [all](look_answer answer) { all->add(std::move(answer)); }}});
}

void broker_app::flow_of(const queue_ptr& queue, std::function<void(std::vector<queue_flow>)> done) {
  auto all = std::make_shared<report_gathering<queue_flow>>(std::move(done));
  if (auto who = shared.queues_by_id.find(queue->id))
    caf::anon_send(who, queue_flow_request{[all](queue_flow flow) { all->add(flow); }});
}

/// Actors are spawned on a loop only (broker_app_reports.cpp).
void broker_app::open_channel(login who, std::string vhost, std::function<void(ref<operator_channel>)> done) {
  boost::asio::post(loops.at(0).io(), [this, who = std::move(who), vhost = std::move(vhost), done = std::move(done)] {
    done(open_operator_channel(*actors, shared, who, vhost));
  });
}

} // namespace broker
