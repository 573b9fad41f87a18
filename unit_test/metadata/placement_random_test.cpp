// Nodes start, go, come back and are forgotten, policies change, masters and the supervisor propose, and what they
// propose arrives in any order, twice or never. Three state machines apply it all: one from the commands, one from
// their bytes, one from snapshots in between. They must be equal byte by byte, the rules (placement_rules.hpp) hold at
// every step, and when it is quiet there are as many copies as are wanted, all in sync.
#include <cstdlib>
#include <deque>
#include <set>

#include "metadata/queue_supervisor.hpp"
#include "placement_rules.hpp"
#include "sample.hpp"

using namespace metadata_test;

namespace random_placements {
namespace {

const std::vector<std::string> policies = {
  R"({"ha-mode":"all"})",
  R"({"ha-mode":"exactly","ha-params":1})",
  R"({"ha-mode":"exactly","ha-params":2})",
  R"({"ha-mode":"exactly","ha-params":3})",
  R"({"ha-mode":"nodes","ha-params":["n1","n3"]})",
  R"({"ha-mode":"nodes","ha-params":["n2","n9"]})",
  R"({"max-length":7})",
};

struct reached {
  uint64_t commands = 0;
  uint64_t promotions = 0;
  uint64_t recoveries = 0;
  uint64_t hand_overs = 0;
  uint64_t refused_alters = 0;
  uint64_t forgotten_masters = 0;
  uint64_t moved_copies = 0;
  uint64_t returns = 0;
};

class story {
public:
  story(uint64_t seed, reached& marks)
    : random_(seed), marks_(marks), one_(replicating()), decoded_(replicating()), restored_(replicating()) {
    start_node("n1", 1);
    for (uint64_t more = random_.below(4); more > 0; --more)
      join();
    supervisor_.begin(now_, *one_.snapshot());
    changes_.clear();
  }

  void run() {
    for (int step = 0; step < 250; ++step) {
      now_ += random_.below(3'000);
      act();
      if (random_.chance(1, 2))
        masters_act();
      supervise();
      for (uint64_t arrivals = random_.below(4); arrivals > 0; --arrivals)
        deliver();
      if (random_.chance(1, 25))
        compare_restored(true);
    }
    become_quiet();
  }

private:
  using node_id = repl::node_id;

  snapshot_ptr seen() const { return one_.snapshot(); }

  // -- applying --

  bool apply(const command& what, const proposer& by = {}) {
    const placed_state before{*seen()};
    const auto first = one_.apply(proposed_command{what, by}, changes_);
    const auto back = decode_proposed(encode_command(what, by));
    BOOST_REQUIRE(back.ok());
    std::vector<metadata_change> same;
    const auto second = decoded_.apply(*back, same);
    const auto third = restored_.apply(proposed_command{what, by}, same);
    BOOST_REQUIRE(first.has_value());
    BOOST_REQUIRE(second.has_value());
    BOOST_REQUIRE(third.has_value());
    BOOST_REQUIRE(first->failure == second->failure);
    BOOST_REQUIRE(first->failure == third->failure);
    const std::string bytes = one_.serialise();
    BOOST_REQUIRE(bytes == decoded_.serialise());
    BOOST_REQUIRE(bytes == restored_.serialise());
    const placed_state after{*seen()};
    for (const std::string& one : placement_rules{before, after, what}.broken())
      BOOST_FAIL(one);
    supervisor_.follow(now_, changes_, *seen());
    changes_.clear();
    ++marks_.commands;
    return first->ok();
  }

  /// The third state begins anew from a snapshot.
  void compare_restored(bool replace) {
    metadata_state fresh{replicating()};
    BOOST_REQUIRE(fresh.restore(one_.serialise()).ok());
    BOOST_REQUIRE(fresh.serialise() == one_.serialise());
    if (replace)
      BOOST_REQUIRE(restored_.restore(one_.serialise()).ok());
  }

  // -- nodes --

  void start_node(const std::string& name, uint64_t id) {
    node_started what = first_start(name);
    what.incarnation = 1000 + ++runs_;
    what.cluster = 5;
    BOOST_REQUIRE(apply(what, {id, runs_, 1}));
  }
  void join() {
    const std::string name = "n" + std::to_string(++names_);
    if (!apply(register_node{name, "host", 1}))
      return;
    if (random_.chance(4, 5)) // a join may be cut short
      start_node(name, seen()->find_node(name)->id);
  }
  std::vector<node_ptr> nodes() const {
    std::vector<node_ptr> out;
    seen()->for_each_node([&](const node_ptr& one) { out.push_back(one); });
    return out;
  }
  node_ptr any_node() {
    const auto all = nodes();
    return all[random_.below(all.size())];
  }
  size_t nodes_up() const {
    size_t count = 0;
    for (const node_ptr& one : nodes())
      count += one->up;
    return count;
  }

  void act_on_a_node() {
    const node_ptr which = any_node();
    if (!which->up && random_.chance(1, 8)) {
      bool was_master = false;
      for (const queue_ptr& one : placed())
        was_master = was_master || one->node == which->name;
      if (apply(forget_node{which->name}))
        marks_.forgotten_masters += was_master;
      return;
    }
    if (!which->up && which->incarnation != 0 && random_.chance(1, 2)) {
      ++marks_.returns;
      BOOST_REQUIRE(apply(node_up{which->name, which->incarnation}));
      return;
    }
    if (!which->up || random_.chance(1, 4))
      return start_node(which->name, which->id);
    if (nodes_up() > 1 || random_.chance(1, 6))
      apply(node_down{which->name, which->incarnation});
  }

  // -- queues and policies --

  void declare() {
    const node_ptr at = any_node();
    queue_record wanted = queue("q" + std::to_string(random_.below(12)), random_.chance(3, 4));
    wanted.node = at->name;
    if (random_.chance(1, 3)) {
      wanted.durable = true;
      wanted.arguments.set("x-queue-type", text("quorum"));
    }
    apply(declare_queue{wanted});
  }
  void change_policy() {
    const std::string name = random_.chance(1, 2) ? "p1" : "p2";
    if (random_.chance(1, 4)) {
      apply(delete_policy{"/", name, false});
      return;
    }
    const std::string pattern = random_.chance(1, 3) ? "[0-4]$" : "^q";
    apply(put_policy{
      {"/", name, pattern, "queues", static_cast<int64_t>(random_.below(2)), policies[random_.below(policies.size())]},
      random_.chance(1, 8)});
  }
  void act() {
    switch (random_.below(12)) {
    case 0:
    case 1:
    case 2:
      return act_on_a_node();
    case 3:
      if (nodes().size() < 6)
        join();
      return;
    case 4:
      return change_policy();
    case 5:
      apply(delete_queue{"/", "q" + std::to_string(random_.below(12)), 0});
      return;
    case 6:
      return place_somewhere();
    case 7:
    case 8:
    case 9:
      return declare();
    default:
      return;
    }
  }
  /// As an operator who adds and removes members.
  void place_somewhere() {
    const auto all = placed();
    if (all.empty())
      return;
    const queue_ptr which = all[random_.below(all.size())];
    repl::place what{{}, 1};
    for (const node_ptr& one : nodes())
      if (random_.chance(1, 2))
        what.nodes.push_back(static_cast<node_id>(one->id));
    send({which->vhost, which->name, which->id, what});
  }

  // -- masters and replicas, as far as placements go --

  std::vector<queue_ptr> placed() const {
    std::vector<queue_ptr> out;
    seen()->for_each_queue([&](const queue_ptr& one) {
      if (one->placement)
        out.push_back(one);
    });
    return out;
  }
  void masters_act() {
    for (const queue_ptr& one : placed()) {
      const repl::node_table table = node_table_of(*one->placement, *seen());
      if (table.current_and_live(*one->placement->listed(one->placement->master)))
        master_acts(*one, table);
      else if (!repl::anyone_in_sync_alive(*one->placement, table))
        report_inventories(*one, table);
    }
  }
  /// replication/master_isr.cpp: one change at a time; who is gone leaves, who is wanted and alive is added, who is not
  /// wanted leaves when there are enough.
  void master_acts(const queue_record& queue, const repl::node_table& table) {
    const repl::placement& now = *queue.placement;
    repl::alter_isr what{now.mastership, now.version, now.isr};
    for (const repl::member& one : now.isr)
      if (one.node != now.master
          && (!table.current_and_live(one) || (!now.places(one.node) && now.isr.size() > now.nodes.size()))) {
        std::erase(what.isr, one);
        return send({queue.vhost, queue.name, queue.id, what});
      }
    for (const node_id one : now.nodes)
      if (!now.listed(one) && table.live(one)) {
        what.isr.push_back({one, table.registered(one)});
        std::sort(what.isr.begin(), what.isr.end());
        return send({queue.vhost, queue.name, queue.id, what});
      }
  }
  void report_inventories(const queue_record& queue, const repl::node_table& table) {
    for (const repl::member& one : queue.placement->isr)
      if (table.live(one.node)) {
        const repl::inventory what{{one.node, table.registered(one.node)},
                                   {queue.placement->mastership, random_.below(5)},
                                   quiet_ || random_.chance(9, 10),
                                   false};
        send({queue.vhost, queue.name, queue.id, repl::report_inventory{queue.placement->mastership, what}});
      }
  }
  void supervise() {
    if (!quiet_ && random_.chance(1, 60)) // another node's supervisor takes over
      supervisor_.begin(now_, *seen());
    if (!quiet_ && random_.chance(1, 20))
      supervisor_.drain(random_.chance(1, 2) ? std::vector<node_id>{} : std::vector<node_id>{1});
    const supervision next = supervisor_.step(now_, *seen());
    BOOST_REQUIRE(next.moves.size() <= limits::master_moves_max);
    for (const change_placement& one : next.proposals) {
      repl::placement tried = *seen()->find_queue(one.vhost, one.name)->placement;
      const repl::node_table table = node_table_of(tried, *seen());
      BOOST_REQUIRE(repl::apply(tried, table, one.what).ok()); // it proposes nothing in vain
      send(one);
    }
    for (const master_move& one : next.moves) {
      const repl::placement& now = *seen()->find_queue(one.vhost, one.name)->placement;
      const repl::node_table table = node_table_of(now, *seen());
      BOOST_REQUIRE(now.master == one.from && now.lists({one.to, table.registered(one.to)}) && table.live(one.to));
      send({one.vhost, one.name, one.id, repl::hand_over{one.mastership, {one.to, table.registered(one.to)}}});
    }
  }

  // -- what is under way --

  void send(change_placement what) {
    if (!quiet_ && random_.chance(1, 10))
      return; // lost
    under_way_.push_back(std::move(what));
    if (under_way_.size() > 200)
      under_way_.pop_front();
  }
  void deliver() {
    if (under_way_.empty())
      return;
    const size_t which = random_.below(under_way_.size());
    const change_placement what = under_way_[which];
    if (quiet_ || random_.chance(5, 6)) // else it arrives again
      under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(which));
    const queue_ptr before = seen()->find_queue(what.vhost, what.name);
    const bool done = apply(what);
    if (!done || !before || !before->placement)
      return;
    const queue_ptr after = seen()->find_queue(what.vhost, what.name);
    marks_.promotions += std::holds_alternative<repl::promote>(what.what);
    marks_.recoveries += std::holds_alternative<repl::recover>(what.what);
    marks_.hand_overs += std::holds_alternative<repl::hand_over>(what.what);
    marks_.moved_copies +=
      std::holds_alternative<repl::place>(what.what) && after->placement->nodes != before->placement->nodes;
    if (const auto* alter = std::get_if<repl::alter_isr>(&what.what))
      marks_.refused_alters += after->placement->isr != alter->isr;
  }

  // -- the end --

  void become_quiet() {
    quiet_ = true;
    supervisor_.drain({});
    for (const node_ptr& one : nodes())
      if (!one->up)
        start_node(one->name, one->id);
    size_t rounds = 0;
    for (size_t still = 0; still < 60; ++rounds) {
      BOOST_REQUIRE_MESSAGE(rounds < 3'000, "it does not come to rest");
      now_ += 1'000;
      if (under_way_.empty())
        masters_act();
      supervise();
      still = under_way_.empty() ? still + 1 : 0;
      while (!under_way_.empty())
        deliver();
    }
    compare_restored(false);
    check_rest();
  }
  void check_rest() {
    const placed_state end{*seen()};
    for (const auto& [id, one] : end.queues) {
      if (!one->placement) {
        BOOST_REQUIRE_MESSAGE(!asks_for_copies(*one), one->name);
        continue;
      }
      const repl::placement& now = *one->placement;
      const bool asks = asks_for_copies(*one);
      BOOST_REQUIRE_MESSAGE(now.isr.size() == now.nodes.size(), one->name);
      for (const repl::member& each : now.isr)
        BOOST_REQUIRE_MESSAGE(end.table(now).current_and_live(each) && now.places(each.node), one->name);
      BOOST_REQUIRE_EQUAL(now.nodes.size(), asks ? copies_wanted(*one, end) : 1);
      const uint32_t least = asks ? copies_of(*one, now, end.holders()).min_in_sync : 1;
      BOOST_REQUIRE_MESSAGE(now.min_in_sync == least, one->name);
    }
    BOOST_REQUIRE_EQUAL(supervisor_.next_step(now_), UINT64_MAX);
  }
  /// Counted from the options alone.
  static size_t copies_wanted(const queue_record& queue, const placed_state& in) {
    const auto& how = queue.options->mirroring;
    if (queue.options->type == queue_type::quorum)
      return std::min<size_t>(queue.copies != 0 ? queue.copies : 3, in.nodes.size());
    if (how.what == mirroring_options::mode::all)
      return in.nodes.size();
    if (how.what == mirroring_options::mode::exactly)
      return std::min<size_t>(how.copies, in.nodes.size());
    std::set<std::string> there;
    for (const node_ptr& one : in.nodes)
      if (std::find(how.nodes.begin(), how.nodes.end(), one->name) != how.nodes.end())
        there.insert(one->name);
    return std::max<size_t>(there.size(), 1);
  }

  random_source random_;
  reached& marks_;
  metadata_state one_;
  metadata_state decoded_;
  metadata_state restored_;
  std::vector<metadata_change> changes_;
  queue_supervisor supervisor_;
  std::deque<change_placement> under_way_;
  uint64_t now_ = 1'000'000;
  uint64_t runs_ = 0;
  uint64_t names_ = 1;
  bool quiet_ = false;
};

} // namespace
} // namespace random_placements

BOOST_AUTO_TEST_SUITE(random_placements)

/// WARREN_SEEDS=A-B runs others.
BOOST_AUTO_TEST_CASE(whatever_happens_placements_are_sound_the_same_everywhere_and_come_to_rest) {
  uint64_t first = 1;
  uint64_t last = sample::seeds(60);
  if (const char* asked = std::getenv("WARREN_SEEDS")) {
    char* rest = nullptr;
    first = std::strtoull(asked, &rest, 10);
    last = *rest == '-' ? std::strtoull(rest + 1, nullptr, 10) : first;
  }
  reached marks;
  for (uint64_t seed = first; seed <= last; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  story{seed, marks}.run();
  BOOST_TEST_MESSAGE(marks.commands << " commands, " << marks.promotions << " promotions, " << marks.recoveries
                                    << " recoveries, " << marks.hand_overs << " hand-overs, " << marks.moved_copies
                                    << " moved copies, " << marks.refused_alters << " refused sets, "
                                    << marks.forgotten_masters << " forgotten masters, " << marks.returns
                                    << " returns");
  if (last - first >= 50)
    for (const uint64_t mark : {marks.promotions, marks.recoveries, marks.hand_overs, marks.moved_copies,
                                marks.refused_alters, marks.forgotten_masters, marks.returns})
      BOOST_TEST(mark > 20u, "something rare was not reached");
}

// -- the rules can fail -----------------------------------------------------------------------------------------------

namespace {

/// A queue mirrored on two of three nodes, and what the rules say of a change of it.
struct rules_tried {
  placed_world w{"abc"};
  placed_state before;
  placed_state after;

  rules_tried() {
    w.policy(R"({"ha-mode":"exactly","ha-params":2})");
    w.declare("q", "a");
    w.set_in_sync("q", "ab");
    before = after = placed_state{*w.state.snapshot()};
  }
  void change(const std::function<void(queue_record&, repl::placement&)>& how) {
    auto record = std::make_shared<queue_record>(*before.queues.begin()->second);
    repl::placement placed = *record->placement;
    how(*record, placed);
    if (record->placement)
      record->placement = std::make_shared<const repl::placement>(placed);
    after.queues.begin()->second = record;
  }
  bool sees(const std::string& what, const command& by = withdrawn{}) const {
    const auto broken = placement_rules{before, after, by}.broken();
    for (const std::string& one : broken)
      if (one == "queue q " + what)
        return true;
    for (const std::string& one : broken)
      BOOST_TEST_MESSAGE("instead: " << one);
    return false;
  }
  command proposed(repl::placement_command what) const {
    return change_placement{"/", "q", before.queues.begin()->first, std::move(what)};
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_rules_hold_for_what_does_not_change, rules_tried) {
  BOOST_TEST((placement_rules{before, after, withdrawn{}}.broken().empty()));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_a_living_master_deposed, rules_tried) {
  change([](queue_record& record, repl::placement& placed) {
    placed.master = 2;
    record.node = "b";
    record.mastership = ++placed.mastership;
    ++placed.version;
  });
  BOOST_TEST(sees("has another master for no reason"));
  BOOST_TEST(sees("had its living master deposed", proposed(repl::promote{1, 2})));
  BOOST_TEST((placement_rules{before, after, proposed(repl::hand_over{1, w.member("b")})}.broken().empty()));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_members_lost_and_given, rules_tried) {
  change([](queue_record&, repl::placement& placed) {
    placed.isr.pop_back();
    ++placed.version;
  });
  BOOST_TEST(sees("lost a member that its master did not take out"));
  change([&](queue_record&, repl::placement& placed) {
    placed.isr.push_back(w.member("c"));
    ++placed.version;
  });
  BOOST_TEST(sees("was given a member"));
  change([](queue_record&, repl::placement& placed) { placed.isr.clear(); });
  BOOST_TEST(sees("has nobody in sync", proposed(repl::alter_isr{1, 2, {}})));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_a_master_from_outside_the_set, rules_tried) {
  w.down("a");
  before.sessions = after.sessions = sessions_of(*w.state.snapshot());
  change([&](queue_record& record, repl::placement& placed) {
    placed.isr.push_back(w.member("c"));
    placed.master = 3;
    record.node = "c";
    record.mastership = ++placed.mastership;
    ++placed.version;
  });
  BOOST_TEST(sees("has a master that was not in sync", proposed(repl::promote{1, 3})));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_a_record_that_is_not_its_placements, rules_tried) {
  change([](queue_record& record, repl::placement&) { record.node = "b"; });
  BOOST_TEST(sees("is on another node than its master"));
  change([](queue_record& record, repl::placement&) { record.mastership = 7; });
  BOOST_TEST(sees("has another mastership than its placement"));
  change([](queue_record& record, repl::placement&) { record.placement = nullptr; });
  BOOST_TEST(sees("has lost its placement"));
  BOOST_TEST(sees("has no placement although its node is up"));
  change([](queue_record&, repl::placement& placed) { placed.version = 1; });
  BOOST_TEST(sees("went back"));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_a_session_that_comes_back_and_a_copy_that_is_not_needed_any_more, rules_tried) {
  before.sessions.nodes[1].live = false;
  BOOST_TEST(sees("has somebody in sync whose session had ended"));
  before = after;
  change([](queue_record&, repl::placement& placed) { placed.min_in_sync = 2; });
  std::swap(before, after);
  change([](queue_record&, repl::placement& placed) {
    placed.min_in_sync = 1;
    ++placed.version;
  });
  BOOST_TEST((placement_rules{before, after, withdrawn{}}.broken().empty())); // two copies want one in sync
  w.policy(R"({"ha-mode":"exactly","ha-params":3})");
  w.set_in_sync("q", "abc");
  before = after = placed_state{*w.state.snapshot()};
  change([](queue_record&, repl::placement& placed) {
    placed.min_in_sync = 1;
    ++placed.version;
  });
  BOOST_TEST(sees("needs fewer in sync than before"));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_copies_where_they_are_not_wanted, rules_tried) {
  change([](queue_record&, repl::placement& placed) {
    placed.nodes = {1};
    ++placed.version;
  });
  BOOST_TEST(sees("is not placed where it is wanted"));
  change([](queue_record&, repl::placement& placed) {
    placed.nodes = {1, 9};
    ++placed.version;
  });
  BOOST_TEST(sees("is placed on a node that is none"));
}

BOOST_FIXTURE_TEST_CASE(the_rules_see_a_queue_deleted_that_others_have, rules_tried) {
  after.queues.clear();
  BOOST_TEST(sees("was deleted though others have it"));
  BOOST_TEST(sees("was deleted though others have it", forget_node{"a"}));
  BOOST_TEST((placement_rules{before, after, delete_queue{"/", "q", 0}}.broken().empty()));
}

BOOST_AUTO_TEST_SUITE_END()
