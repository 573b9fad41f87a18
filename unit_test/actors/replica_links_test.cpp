// Replicas of two nodes in one process, over links in memory: what they send each other arrives in order, large or
// small, and stops where the link or the reader stops.
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <deque>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/cluster.hpp"
#include "actors/replica_links.hpp"
#include "base/bytes.hpp"
#include "channel/fake_metadata.hpp"
#include "replication/wire.hpp"

namespace replica_links_actors {
namespace {

using namespace broker;
using broker::test::fake_metadata;
using replication::envelope;

class counting_sink final : public frame_sink {
public:
  void handled(uint64_t, cluster_service, size_t bytes) override { given_back += bytes; }
  size_t given_back = 0;
};

/// Delivers at once while `open`; else refuses.
class memory_links final : public cluster_links {
public:
  explicit memory_links(std::string own) : own_(std::move(own)) {}
  uint64_t incarnation() const override { return 1; }
  void serve(cluster_service which, caf::actor who) override {
    BOOST_REQUIRE(which == cluster_service::replication);
    service = std::move(who);
  }
  bool send(const std::string&, cluster_service, std::string&& bytes, uint64_t of) override {
    if (!open || of != session)
      return false;
    frames.push_back(bytes.size());
    caf::anon_send(peer->service, node_frame_msg{node_frame{own_, std::move(bytes), lease(bytes.size())}});
    return true;
  }
  void send_datagram(const std::string&, cluster_service, std::string) override {}
  std::vector<node_state> nodes() const override { return {}; }
  void connect(const std::string&, const std::string&, uint16_t) override {}
  void forget(const std::string&) override { ++forgotten; }
  frame_lease lease(size_t) { return {sink, session, cluster_service::replication, 1}; }

  memory_links* peer = nullptr;
  caf::actor service;
  std::shared_ptr<counting_sink> sink = std::make_shared<counting_sink>();
  uint64_t session = 0;
  bool open = true;
  std::vector<size_t> frames;
  size_t forgotten = 0;

private:
  const std::string own_;
};

struct sim_config : caf::actor_system_config {
  sim_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

struct one_node {
  explicit one_node(const std::string& name) : links(name) {
    shared.node = name;
    shared.now_ms = [this] { return now_ms; };
    shared.cluster = &links;
  }
  uint64_t now_ms = 1000;
  memory_links links;
  runtime shared;
};

/// What a replica was told.
struct seen {
  std::vector<replica_mail> mails;
  std::vector<replication::node_id> room;
};

caf::behavior replica_behavior(caf::event_based_actor*, seen* to) {
  return {
    [to](replica_mail_msg& mail) { to->mails.push_back(std::move(mail.content)); },
    [to](replica_room_msg room) { to->room.push_back(room.node); },
  };
}

struct fixture {
  fixture() {
    a.links.peer = &b.links;
    b.links.peer = &a.links;
    for (uint64_t id : {1, 2}) {
      auto node = std::make_shared<node_record>();
      node->id = id;
      node->name = id == 1 ? "rabbit@a" : "rabbit@b";
      metadata->nodes.push_back(node);
    }
    add_queue("q");
    for (one_node* each : {&a, &b})
      start_replica_links(system, each->shared);
  }
  ~fixture() {
    for (one_node* each : {&a, &b}) {
      stop_replica_links(each->shared);
      for (const auto& who : each->shared.replicas_by_id.all())
        caf::anon_send_exit(who, caf::exit_reason::kill);
      each->shared.replicas_by_id.clear();
      each->links.service = nullptr;
    }
    run();
  }

  queue_id add_queue(const std::string& name) {
    const queue_id id = metadata->add_queue(name);
    metadata->next_id = id + 1;
    a.shared.snapshots.publish(metadata);
    b.shared.snapshots.publish(metadata);
    return id;
  }
  seen* add_replica(one_node& node, queue_id queue = 1) {
    auto* to = new seen;
    kept.emplace_back(to);
    node.shared.replicas_by_id.add(queue, system.spawn(replica_behavior, to));
    return to;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void pass(uint64_t ms) {
    a.now_ms += ms;
    b.now_ms += ms;
    scheduler().advance_time(std::chrono::milliseconds{ms});
    run();
  }
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
  void send(uint64_t upto, queue_id queue = 1) {
    a.shared.replicas->send(2, {queue, 1, 5, replication::append_ok{upto}});
  }
  /// A publish with a body of that size.
  static envelope publish(size_t size, seqno at = 1) {
    auto batch = make_ref<publish_batch>();
    auto bytes = block_ref{block::create(size + 4)};
    std::memset(bytes->data(), static_cast<int>('a' + at % 26), size + 4);
    std::memcpy(bytes->data(), "\1e\1k", 4);
    message one{};
    one.names = bytes->data();
    one.names_size = 4;
    one.raw = bytes->data() + 4;
    one.raw_size = static_cast<uint32_t>(size);
    one.body_size = size;
    batch->messages = {one};
    batch->blocks.push_back(std::move(bytes));
    replication::log_run run;
    run.mastership = 1;
    run.first = at;
    run.count = 1;
    run.batch = std::move(batch);
    run.where = {0, 1};
    return {1, 1, 5, replication::append{{1, at - 1}, std::nullopt, {run}, 0, 0}};
  }
  static uint64_t upto(const replica_mail& mail) { return std::get<replication::append_ok>(mail.message.what).upto; }
  static size_t body_size(const replica_mail& mail) {
    return std::get<replication::append>(mail.message.what).runs.at(0).batch->messages.at(0).raw_size;
  }

  sim_config config;
  caf::actor_system system{config};
  std::shared_ptr<fake_metadata> metadata = std::make_shared<fake_metadata>();
  std::vector<std::unique_ptr<seen>> kept;
  one_node a{"rabbit@a"};
  one_node b{"rabbit@b"};
};

} // namespace
} // namespace replica_links_actors

BOOST_FIXTURE_TEST_SUITE(replica_links_actors, fixture)

BOOST_AUTO_TEST_CASE(what_came_together_shares_a_frame_and_arrives_in_order) {
  const auto* to = add_replica(b);
  connect(1);
  for (uint64_t at = 1; at <= 100; ++at)
    send(at);
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), 100u);
  for (uint64_t at = 1; at <= 100; ++at)
    BOOST_CHECK_EQUAL(upto(to->mails[at - 1]), at);
  BOOST_CHECK_EQUAL(to->mails[0].from, 1u);
  BOOST_CHECK_EQUAL(to->mails[0].message.inc, 5u);
  BOOST_CHECK_EQUAL(a.links.frames.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_message_larger_than_a_part_arrives_whole) {
  const auto* to = add_replica(b);
  connect(1);
  a.shared.replicas->send(2, publish(3'000'000));
  send(7);
  a.shared.replicas->send(2, publish(100'000, 2));
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), 3u);
  BOOST_CHECK_EQUAL(body_size(to->mails[0]), 3'000'000u);
  BOOST_CHECK_EQUAL(upto(to->mails[1]), 7u);
  BOOST_CHECK_EQUAL(body_size(to->mails[2]), 100'000u);
  const auto& raw = std::get<replication::append>(to->mails[0].message.what).runs[0].batch->messages[0];
  BOOST_CHECK_EQUAL(std::string_view(raw.raw, raw.raw_size), std::string(3'000'000, 'b'));
}

BOOST_AUTO_TEST_CASE(a_link_without_room_stops_who_asks_and_loses_nothing) {
  const auto* from = add_replica(a);
  const auto* to = add_replica(b);
  connect(1);
  BOOST_REQUIRE_EQUAL(from->room.size(), 1u); // of the session's begin
  a.links.open = false;
  seqno sent = 0;
  while (a.shared.replicas->room(2, 1)) {
    BOOST_REQUIRE_LT(sent, 100u);
    a.shared.replicas->send(2, publish(500'000, ++sent));
  }
  run();
  BOOST_CHECK(sent >= 16 && sent <= 20);
  BOOST_CHECK(to->mails.empty());
  a.links.open = true;
  caf::anon_send(a.links.service, node_room_msg{"rabbit@b"});
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), sent);
  for (seqno at = 1; at <= sent; ++at)
    BOOST_CHECK_EQUAL(std::get<replication::append>(to->mails[at - 1].message.what).prev.seq, at - 1);
  BOOST_REQUIRE_EQUAL(from->room.size(), 2u);
  BOOST_CHECK_EQUAL(from->room[1], 2u);
  BOOST_CHECK(a.shared.replicas->room(2, 1));
}

BOOST_AUTO_TEST_CASE(without_a_session_nothing_is_kept_and_a_new_one_is_told_to_every_replica) {
  const auto* from = add_replica(a);
  const auto* to = add_replica(b);
  BOOST_CHECK(!a.shared.replicas->room(2, 1));
  send(1);
  connect(1);
  BOOST_CHECK(to->mails.empty());
  BOOST_CHECK_EQUAL(from->room.size(), 1u);
  a.links.open = false;
  send(2);
  run();
  lose();
  send(3);
  a.links.open = true;
  connect(2);
  send(4);
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), 1u);
  BOOST_CHECK_EQUAL(upto(to->mails[0]), 4u);
  BOOST_CHECK_EQUAL(from->room.size(), 2u);
  BOOST_CHECK(!a.shared.replicas->room(9, 1)); // no node of the cluster
  a.shared.replicas->send(9, publish(10));
}

BOOST_AUTO_TEST_CASE(half_a_message_of_an_old_session_spoils_nothing) {
  const auto* to = add_replica(b);
  connect(1);
  const auto message = publish(2'000'000);
  const auto encoded = replication::encode(message);
  const auto parts = replication::split(1, encoded);
  std::string frame(4, '\0');
  store_u32(frame.data(), static_cast<uint32_t>(parts[0].size));
  frame += parts[0].head;
  for (const auto& each : parts[0].slices)
    frame += each;
  caf::anon_send(b.links.service, node_frame_msg{node_frame{"rabbit@a", std::move(frame), frame_lease{}}});
  run();
  connect(2);
  a.shared.replicas->send(2, publish(2'000'000, 3));
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), 1u);
  BOOST_CHECK_EQUAL(std::get<replication::append>(to->mails[0].message.what).prev.seq, 2u);
}

BOOST_AUTO_TEST_CASE(the_link_gets_its_room_back_when_the_replica_has_dealt_with_the_mail) {
  auto* to = add_replica(b);
  connect(1);
  send(1);
  send(2);
  run();
  BOOST_REQUIRE_EQUAL(to->mails.size(), 2u);
  BOOST_CHECK_EQUAL(a.links.sink->given_back, 0u);
  to->mails.pop_back();
  BOOST_CHECK_EQUAL(a.links.sink->given_back, 0u);
  to->mails.clear();
  BOOST_CHECK_EQUAL(a.links.sink->given_back, 1u);
}

BOOST_AUTO_TEST_CASE(mail_that_comes_before_its_queue_waits_a_moment) {
  connect(1);
  send(1, 2);
  send(2, 2);
  run();
  BOOST_CHECK_EQUAL(a.links.sink->given_back, 1u); // others do not wait for it
  const auto* to = add_replica(b, 2);
  send(3, 2);
  run();
  BOOST_CHECK(to->mails.empty());
  pass(10);
  BOOST_REQUIRE_EQUAL(to->mails.size(), 3u);
  for (uint64_t at = 1; at <= 3; ++at)
    BOOST_CHECK_EQUAL(upto(to->mails[at - 1]), at);
  send(4, 2);
  run();
  BOOST_CHECK_EQUAL(to->mails.size(), 4u);
}

BOOST_AUTO_TEST_CASE(mail_for_a_queue_that_is_not_here_is_dropped) {
  connect(1);
  send(1, 1); // known to the metadata, and no replica of this node
  send(1, 5); // not known yet
  run();
  add_queue("other"); // 2
  for (int i = 0; i < 120; ++i)
    pass(10);
  const auto* gone = add_replica(b, 1);
  const auto* late = add_replica(b, 5);
  pass(10);
  BOOST_CHECK(gone->mails.empty());
  BOOST_CHECK(late->mails.empty());
}

BOOST_AUTO_TEST_CASE(garbage_ends_the_session_and_what_follows_in_it_does_not_count) {
  const auto* to = add_replica(b);
  connect(1);
  caf::anon_send(b.links.service, node_frame_msg{node_frame{"rabbit@a", std::string(3, '\xff'), frame_lease{}}});
  run();
  BOOST_CHECK_EQUAL(b.links.forgotten, 1u);
  BOOST_CHECK(!b.shared.replicas->room(1, 1));
  send(1);
  run();
  BOOST_CHECK(to->mails.empty());
  connect(2);
  send(2);
  run();
  BOOST_CHECK_EQUAL(to->mails.size(), 1u);
  std::string wrong(4, '\0');
  store_u32(wrong.data(), 40);
  wrong += std::string(40, '\x01');
  caf::anon_send(b.links.service, node_frame_msg{node_frame{"rabbit@a", std::move(wrong), frame_lease{}}});
  run();
  BOOST_CHECK_EQUAL(b.links.forgotten, 2u);
}

BOOST_AUTO_TEST_CASE(after_the_stop_nothing_is_sent_and_nobody_is_held) {
  connect(1);
  stop_replica_links(a.shared);
  run();
  send(1);
  run();
  BOOST_CHECK(a.links.frames.empty());
  BOOST_CHECK(!a.shared.replicas->room(2, 1));
}

BOOST_AUTO_TEST_SUITE_END()
