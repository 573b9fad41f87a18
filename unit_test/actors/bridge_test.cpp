// Two nodes in one process: real channel, queue and bridge actors, joined by links in memory. What a client sees must
// not depend on which node its queue lives on.
#include <boost/test/unit_test.hpp>

#include <deque>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/bridge.hpp"
#include "actors/channel.hpp"
#include "actors/cluster.hpp"
#include "actors/queue_operator.hpp"
#include "actors/queue_replica.hpp"
#include "amqp/frame.hpp"
#include "channel/harness.hpp"
#include "queue/fake_store.hpp"

namespace bridge_actors {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

/// Delivers at once, to the service's mailbox.
class memory_links final : public cluster_links {
public:
  explicit memory_links(std::string own) : own_(std::move(own)) {}
  uint64_t incarnation() const override { return 1; }
  void serve(cluster_service, caf::actor who) override { service = std::move(who); }
  bool send(const std::string&, cluster_service, std::string&& bytes, uint64_t of) override {
    if (of != any_session && of != session)
      return false;
    ++frames;
    caf::anon_send(peer->service, node_frame_msg{node_frame{own_, std::move(bytes), frame_lease{}}});
    return true;
  }
  void send_datagram(const std::string&, cluster_service, std::string) override {}
  std::vector<node_state> nodes() const override { return {}; }
  void connect(const std::string&, const std::string&, uint16_t) override {}
  void forget(const std::string&) override { ++forgotten; }

  memory_links* peer = nullptr;
  caf::actor service;
  uint64_t session = 0;
  size_t frames = 0;
  size_t forgotten = 0;

private:
  const std::string own_;
};

class fake_session final : public session_link {
public:
  void push(std::vector<outgoing> items) override {
    for (auto& each : items)
      out.push_back(std::move(each));
  }
  void torn_down() override {}
  void close(error) override {}
  void credit(size_t bytes) noexcept override { credited += bytes; }
  std::deque<outgoing> out;
  size_t credited = 0;
};

struct sim_config : caf::actor_system_config {
  sim_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

struct one_node {
  one_node(const std::string& name) : links(name) {
    shared.node = name;
    shared.store = &store;
    shared.now_ms = [this] { return now_ms; };
    shared.next_seed = [this] { return ++seed; };
    shared.cluster = &links;
    shared.bridges.set_own(name);
  }
  uint64_t now_ms = 1000;
  uint64_t seed = 0;
  ::test::fake_store store;
  memory_links links;
  runtime shared;
};

struct fixture {
  fixture() {
    a.links.peer = &b.links;
    b.links.peer = &a.links;
    start_bridges(system, a.shared);
    start_bridges(system, b.shared);
    queue_record wanted;
    wanted.name = "q";
    wanted.node = "rabbit@b";
    metadata->add_queue(std::move(wanted));
    queue = metadata->find_queue("/", "q");
    a.shared.snapshots.publish(metadata);
    b.shared.snapshots.publish(metadata);
    const auto bridge = bridge_to(system, a.shared, "rabbit@b");
    caf::anon_send(bridge, queue_changed_msg{queue});
    a.shared.queues_by_id.put(queue->id, {bridge, 0, false});
    b.shared.queues_by_id.put(queue->id, {spawn_queue(system, b.shared, queue, nullptr)});
    connect(1);
  }
  ~fixture() {
    for (one_node* each : {&a, &b}) {
      stop_bridges(each->shared);
      caf::anon_send_exit(each->links.service, caf::exit_reason::kill);
      for (const auto& who : each->shared.queues_by_id.all())
        caf::anon_send_exit(who, caf::exit_reason::kill);
      each->shared.queues_by_id.clear();
      each->shared.channels_by_id.clear();
      each->links.service = nullptr;
    }
    for (const auto& who : channels)
      caf::anon_send_exit(who, caf::exit_reason::kill);
    channels.clear();
    run();
  }

  void run() { static_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run(); }
  void connect(uint64_t session) {
    a.links.session = b.links.session = session;
    caf::anon_send(a.links.service, node_up_msg{"rabbit@b", 1, session, true});
    caf::anon_send(b.links.service, node_up_msg{"rabbit@a", 1, session, true});
    run();
  }
  void lose() {
    const uint64_t session = a.links.session;
    a.links.session = b.links.session = 0;
    caf::anon_send(a.links.service, node_lost_msg{"rabbit@b", session, "test"});
    caf::anon_send(b.links.service, node_lost_msg{"rabbit@a", session, "test"});
    run();
  }

  struct client {
    ref<fake_session> session = make_ref<fake_session>();
    caf::actor channel;
  };
  client connect_client(one_node& node, uint16_t number = 1) {
    client made;
    channel_settings settings = channel_harness::default_settings();
    settings.number = number;
    settings.node = node.shared.node;
    settings.nodes = &node.shared.bridges;
    settings.consumer_cancel_notify = true;
    made.channel = spawn_channel(system, node.shared, settings, made.session);
    channels.push_back(made.channel);
    return made;
  }
  void send(client& from, input_builder& what) {
    caf::anon_send(from.channel, channel_input_msg{what.build(from.session)});
    run();
  }
  void send(client& from, amqp::method what) {
    input_builder input;
    input.method(std::move(what));
    send(from, input);
  }
  /// Methods, in the order they were written; deliveries are counted in `delivered`.
  std::vector<amqp::method> replies(client& of) {
    std::vector<amqp::method> all;
    for (auto& each : std::exchange(of.session->out, {})) {
      if (each.what == outgoing::kind::deliver) {
        delivered += each.run.where.size();
        continue;
      }
      std::string_view rest = each.bytes;
      while (!rest.empty()) {
        const auto prefix = amqp::load_frame_prefix(rest.data());
        auto method = amqp::decode_method(
          load_u32(rest.data() + amqp::frame_prefix_bytes),
          rest.substr(amqp::frame_prefix_bytes + amqp::method_id_bytes, prefix.payload_size - amqp::method_id_bytes));
        BOOST_REQUIRE(method.ok());
        all.push_back(std::move(*method));
        rest.remove_prefix(static_cast<size_t>(prefix.frame_size()));
      }
    }
    return all;
  }
  template<class T>
  T reply(client& of) {
    const auto all = replies(of);
    BOOST_REQUIRE_EQUAL(all.size(), 1u);
    BOOST_REQUIRE(std::holds_alternative<T>(all.front()));
    return std::get<T>(all.front());
  }

  sim_config config;
  caf::actor_system system{config};
  std::shared_ptr<fake_metadata> metadata = std::make_shared<fake_metadata>();
  queue_ptr queue;
  one_node a{"rabbit@a"};
  one_node b{"rabbit@b"};
  std::vector<caf::actor> channels;
  size_t delivered = 0;
};

} // namespace
} // namespace bridge_actors

BOOST_FIXTURE_TEST_SUITE(bridge_actors, fixture)

BOOST_AUTO_TEST_CASE(a_client_uses_a_queue_of_another_node_as_its_own) {
  client one = connect_client(a);
  send(one, amqp::confirm_class::select{});
  input_builder input;
  input.publish("", "q", {.count = 5});
  send(one, input);
  const auto first = replies(one);
  BOOST_REQUIRE_EQUAL(first.size(), 2u);
  BOOST_CHECK_EQUAL(std::get<basic::ack>(first[1]).delivery_tag, 5u);
  BOOST_CHECK_GT(one.session->credited, 0u);
  amqp::queue_class::declare passive;
  passive.queue = "q";
  passive.passive = true;
  send(one, passive);
  BOOST_CHECK_EQUAL(reply<amqp::queue_class::declare_ok>(one).message_count, 5u);
  basic::get get;
  get.queue = "q";
  get.no_ack = true;
  send(one, get);
  BOOST_CHECK_EQUAL(std::get<basic::get_ok>(replies(one).at(0)).message_count, 4u);
  basic::consume consume;
  consume.queue = "q";
  consume.consumer_tag = "c";
  send(one, consume);
  BOOST_CHECK_EQUAL(reply<basic::consume_ok>(one).consumer_tag, "c");
  BOOST_CHECK_EQUAL(delivered, 4u);
  send(one, basic::cancel{"c", false});
  BOOST_CHECK_EQUAL(reply<basic::cancel_ok>(one).consumer_tag, "c");
  input_builder ack;
  ack.ack(0, true);
  send(one, ack);
  send(one, passive);
  BOOST_CHECK_EQUAL(reply<amqp::queue_class::declare_ok>(one).message_count, 0u);
}

BOOST_AUTO_TEST_CASE(a_channel_that_ends_gives_back_what_it_held) {
  client one = connect_client(a);
  input_builder input;
  input.publish("", "q", {.count = 3});
  send(one, input);
  basic::consume consume;
  consume.queue = "q";
  send(one, consume);
  caf::anon_send(one.channel, channel_stop_msg{});
  run();
  client two = connect_client(b, 2);
  amqp::queue_class::declare passive;
  passive.queue = "q";
  passive.passive = true;
  send(two, passive);
  const auto found = reply<amqp::queue_class::declare_ok>(two);
  BOOST_CHECK_EQUAL(found.message_count, 3u);
  BOOST_CHECK_EQUAL(found.consumer_count, 0u);
}

BOOST_AUTO_TEST_CASE(a_node_that_goes_down_is_told_as_rabbitmq_tells_it) {
  client one = connect_client(a);
  basic::consume consume;
  consume.queue = "q";
  consume.consumer_tag = "c";
  send(one, consume);
  replies(one);
  lose();
  BOOST_CHECK_EQUAL(reply<basic::cancel>(one).consumer_tag, "c");
  input_builder input;
  input.publish("", "q", {.flags = message::mandatory});
  send(one, input);
  BOOST_CHECK_EQUAL(reply<basic::return_>(one).reply_code, 312);
  send(one, consume);
  BOOST_CHECK_EQUAL(reply<amqp::channel_class::close>(one).reply_text,
                    "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible");
  connect(2);
  client two = connect_client(a, 2);
  send(two, consume);
  BOOST_CHECK_EQUAL(reply<basic::consume_ok>(two).consumer_tag, "c");
}

/// The actor system ends soon after, and must not leave an actor behind in the directory.
BOOST_AUTO_TEST_CASE(news_of_other_nodes_make_no_bridge_once_the_bridges_were_stopped) {
  stop_bridges(a.shared);
  caf::anon_send(a.links.service, node_lost_msg{"rabbit@b", 1, "it stops"});
  caf::anon_send(a.links.service, node_up_msg{"rabbit@c", 1, 2, true});
  run();
  BOOST_TEST(a.shared.bridges.all().empty());
}

BOOST_AUTO_TEST_CASE(operators_reach_queues_of_other_nodes) {
  client one = connect_client(a);
  input_builder input;
  input.publish("", "q", {.count = 3});
  send(one, input);
  basic::consume consume;
  consume.queue = "q";
  consume.consumer_tag = "c";
  const auto bridge = a.shared.queues_by_id.find(queue->id);
  std::vector<queue_report> counts;
  std::vector<consumer_report> consumers;
  const auto ask = [&] {
    caf::anon_send(bridge, queue_report_request{{queue->id, [&](queue_report each) { counts.push_back(each); }}});
    caf::anon_send(bridge, consumer_report_request{{queue->id, [&](std::vector<consumer_report> all) {
                                                      for (auto& each : all)
                                                        consumers.push_back(std::move(each));
                                                    }}});
    run();
  };
  ask();
  BOOST_REQUIRE_EQUAL(counts.size(), 1u);
  BOOST_CHECK_EQUAL(counts[0].ready, 3u);
  BOOST_CHECK(counts[0].queue == queue && !counts[0].down);
  uint32_t purged = 0;
  purge_as_operator(system, a.shared, queue->id, [&](const result<uint32_t>& done) { purged = *done; });
  run();
  BOOST_CHECK_EQUAL(purged, 3u);
  send(one, consume);
  client other = connect_client(b, 2);
  consume.consumer_tag = "d";
  send(other, consume);
  ask();
  BOOST_REQUIRE_EQUAL(consumers.size(), 2u);
  BOOST_CHECK(consumers[0].tag == "c" && consumers[0].node.empty());
  BOOST_CHECK(consumers[1].tag == "d" && consumers[1].node == "rabbit@b");
  lose();
  counts.clear();
  ask();
  BOOST_REQUIRE_EQUAL(counts.size(), 1u);
  BOOST_CHECK(counts[0].down && counts[0].queue == queue);
}

BOOST_AUTO_TEST_CASE(direct_replies_cross_nodes) {
  client asker = connect_client(a);
  basic::consume consume;
  consume.queue = "amq.rabbitmq.reply-to";
  consume.no_ack = true;
  send(asker, consume);
  input_builder question;
  amqp::properties properties;
  properties.reply_to = "amq.rabbitmq.reply-to";
  question.publish("", "q", {.properties = properties});
  send(asker, question);
  replies(asker);
  client server = connect_client(b, 2);
  basic::get get;
  get.queue = "q";
  get.no_ack = true;
  send(server, get);
  BOOST_REQUIRE(!server.session->out.empty());
  const auto& run_of = server.session->out.back().run;
  const std::string address =
    *amqp::decode_properties(run_of.batch->messages[run_of.where.lo].property_bytes())->reply_to;
  input_builder answer;
  answer.publish("", address);
  send(server, answer);
  replies(asker);
  BOOST_CHECK_EQUAL(delivered, 1u);
}

BOOST_AUTO_TEST_CASE(garbage_from_another_node_ends_the_session_and_not_this_node) {
  client one = connect_client(a);
  basic::consume consume;
  consume.queue = "q";
  consume.consumer_tag = "c";
  send(one, consume);
  replies(one);
  caf::anon_send(a.links.service, node_frame_msg{node_frame{"rabbit@b", "\xff\xff", frame_lease{}}});
  run();
  BOOST_CHECK_EQUAL(a.links.forgotten, 1u);
  BOOST_CHECK_EQUAL(reply<basic::cancel>(one).consumer_tag, "c");
}

BOOST_AUTO_TEST_SUITE_END()
