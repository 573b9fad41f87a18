// A replicated queue is deleted while this node is about to be its master: whoever waits for it hears so.
#include <boost/test/unit_test.hpp>

#include <vector>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/channel.hpp"
#include "actors/replicated_queue.hpp"
#include "channel/fake_metadata.hpp"
#include "replication/placement.hpp"

namespace deleted_replicas {
namespace {

using namespace broker;

struct sim_config : caf::actor_system_config {
  sim_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

/// Nothing reaches its disk in these tests.
class silent_store final : public message_store {
public:
  void attach(queue_id, ref<store_client>) override {}
  void detach(queue_id) override {}
  void append(queue_id, const batch_ref&, slice, seqno, bool, message_facts) override {}
  void settle(queue_id, std::vector<seq_range>) override {}
  void delivered(queue_id, seqno) override {}
  void read(queue_id, seqno, seqno, size_t) override {}
  void log(queue_id, uint64_t, std::string, bool) override {}
  void drop(queue_id) override {}
  bool congested() const override { return false; }
};

caf::behavior channel_behavior(caf::event_based_actor*, std::vector<addressed_events>* heard) {
  return {[heard](queue_events_msg& events) { heard->push_back(std::move(events.content)); }};
}

/// The queue's master is this node, which has another session by now: it is in no office until it is promoted again.
struct fixture {
  fixture() {
    node.node = "rabbit@here";
    node.store = &store;
    node.now_ms = [] { return uint64_t{1000}; };
    node.replica_id = 1;
    auto own = std::make_shared<node_record>();
    own->id = 1;
    own->name = "rabbit@here";
    own->session = 5;
    own->up = true;
    metadata->nodes.push_back(own);
    replication::placement copies;
    copies.queue = queue;
    copies.mastership = 2;
    copies.master = 1;
    copies.isr = {{1, 4}};
    copies.nodes = {1};
    record.id = queue;
    record.vhost = "/";
    record.name = "q";
    record.node = "rabbit@here";
    record.mastership = 2;
    placed(copies);
    node.snapshots.publish(metadata);
    replica = spawn_replica(system, node, std::make_shared<const queue_record>(record), metadata, {});
    asker = make_ref<local_channel>(7, system.spawn(channel_behavior, &heard));
    run();
  }
  ~fixture() {
    caf::anon_send_exit(replica, caf::exit_reason::kill);
    caf::anon_send_exit(static_cast<const local_channel&>(*asker).handle, caf::exit_reason::kill);
    run();
    scheduler().clock().cancel_all();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void placed(replication::placement copies) {
    record.mastership = copies.mastership;
    record.placement = std::make_shared<const replication::placement>(std::move(copies));
  }
  void ask(queue_request what, epoch of) {
    caf::anon_send(replica, queue_request_msg{{queue, std::move(what), of}});
    run();
  }
  void delete_queue() {
    caf::anon_send(replica, queue_deleted_msg{queue});
    run();
  }
  /// The last thing that was said, as a channel takes it that knows any master.
  template<class Event>
  const Event* last() const {
    if (heard.empty() || heard.back().mastership != 0 || heard.back().events.size() != 1)
      return nullptr;
    return std::get_if<Event>(&heard.back().events.front());
  }

  static constexpr queue_id queue = 3;
  queue_record record;
  silent_store store;
  runtime node;
  sim_config config;
  caf::actor_system system{config};
  std::shared_ptr<broker::test::fake_metadata> metadata = std::make_shared<broker::test::fake_metadata>();
  caf::actor replica;
  channel_ref asker;
  std::vector<addressed_events> heard;
};

} // namespace
} // namespace deleted_replicas

BOOST_FIXTURE_TEST_SUITE(deleted_replicas, deleted_replicas::fixture)

// Seed 8077 of the simulator: a transient queue goes with the session that its master had; a declare waited for it.
BOOST_AUTO_TEST_CASE(who_waits_for_a_master_in_no_office_hears_that_the_queue_is_deleted) {
  ask(status_request{asker}, 2);
  BOOST_TEST(heard.empty());
  delete_queue();
  BOOST_TEST(last<queue_missing>());
}

// This node was to hear of a later mastership and of the deletion at once.
BOOST_AUTO_TEST_CASE(who_waits_for_a_later_mastership_hears_that_the_queue_is_deleted) {
  ask(get_request{asker, true}, 3);
  BOOST_TEST(heard.empty());
  delete_queue();
  BOOST_TEST(last<queue_missing>());
}

BOOST_AUTO_TEST_CASE(who_asks_a_deleted_queue_is_answered_whatever_is_asked) {
  delete_queue();
  ask(purge_request{asker}, 2);
  BOOST_TEST(last<queue_missing>());
  ask(delete_request{asker}, 1);
  BOOST_TEST(last<queue_missing>());
  BOOST_TEST(heard.size() == 2);

  const auto who = make_ref<consumer>();
  who->channel = asker;
  who->queue = queue;
  ask(consume_request{who}, 3);
  BOOST_REQUIRE(last<consume_done>());
  BOOST_TEST(!last<consume_done>()->ok);
  BOOST_TEST(last<consume_done>()->why.code == 404);
  ask(cancel_request{who}, 3);
  BOOST_TEST(last<cancel_done>());
}

BOOST_AUTO_TEST_CASE(a_publish_to_a_deleted_queue_counts_as_confirmed) {
  const auto batch = make_ref<publish_batch>();
  batch->messages.resize(2);
  batch->first_confirm = 10;
  batch->hold();
  ask(publish_request{batch, {{0, 2}}, asker, true, {}}, 2);
  BOOST_TEST(heard.empty());
  delete_queue();
  BOOST_REQUIRE(last<confirmed>());
  BOOST_TEST(last<confirmed>()->numbers.first == 10);
  BOOST_TEST(last<confirmed>()->numbers.last == 12);
  BOOST_TEST(!last<confirmed>()->rejected);
}

// Its copy is taken away and given back, and the metadata has both already when it looks: it is for the replica after
// it. This one would have taken on that one's incarnation, and gone back in versions when it heard that it ends.
BOOST_AUTO_TEST_CASE(who_is_not_wanted_any_more_takes_nothing_on_that_comes_after) {
  replication::placement copies = *record.placement;
  copies.mastership = 3;
  copies.version = 5;
  copies.master = 2;
  copies.isr = {{2, 7}};
  copies.nodes = {2};
  placed(copies);
  const auto taken = std::make_shared<const queue_record>(record);
  copies.mastership = 4;
  copies.version = 9;
  copies.nodes = {1, 2};
  copies.lost = {{1, 8}};
  placed(copies);
  metadata->add_queue("1");
  metadata->add_queue("2");
  metadata->add_queue(record);
  BOOST_REQUIRE(metadata->find_queue("/", "q")->id == queue);
  const auto mastership = [&] {
    epoch now = 0;
    caf::anon_send(replica, replica_audit_request{[&](const replica_audit& is) { now = is.mastership; }});
    run();
    return now;
  };
  caf::anon_send(replica, replica_look_msg{});
  run();
  BOOST_TEST(mastership() == 2u);
  caf::anon_send(replica, replica_unwanted_msg{taken, metadata});
  run();
  BOOST_TEST(mastership() == 3u);
}

// Seed 7357 of the simulator: after an absence a node tells its actors of many changes, in steps. A copy is begun with
// all that is known before the others see it.
BOOST_AUTO_TEST_CASE(who_begins_with_more_than_others_see_yet_does_not_go_back) {
  replication::placement copies = *record.placement;
  copies.version = 9;
  placed(copies);
  metadata->add_queue("1");
  metadata->add_queue("2");
  metadata->add_queue(record);
  copies.mastership = 4;
  copies.version = 11;
  placed(copies);
  const auto later = std::make_shared<broker::test::fake_metadata>(*metadata);
  later->add_queue("later");
  const caf::actor copy = spawn_replica(system, node, std::make_shared<const queue_record>(record), later, {});
  node.replicas_by_id.add(queue, copy);
  caf::anon_send(copy, replica_look_msg{});
  run();
  epoch now = 0;
  caf::anon_send(copy, replica_audit_request{[&](const replica_audit& is) { now = is.mastership; }});
  run();
  BOOST_TEST(now == 4u);
  caf::anon_send_exit(copy, caf::exit_reason::kill);
  run();
}

BOOST_AUTO_TEST_SUITE_END()
