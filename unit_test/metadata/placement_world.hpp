// A state of several nodes with replicated queues, in short forms.
#pragma once

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "metadata/copies.hpp"
#include "metadata/placements.hpp"

namespace metadata_test {

namespace repl = broker::replication;

inline metadata_settings replicating(bool on = true) {
  metadata_settings out;
  out.replication = on;
  return out;
}

/// Nodes are called by one letter; "a" is the first, with id 1.
struct placed_world : world {
  explicit placed_world(std::string_view letters, bool on = true) : world(replicating(on)) {
    for (const char letter : letters)
      start({letter});
  }

  /// Joins it if it is new. Another run each time.
  void start(const std::string& name) {
    if (!node(name))
      ids_[name] = ids_.empty() ? 1 : apply(register_node{name, "host", 1}).number;
    node_started what = first_start(name);
    what.incarnation = 1000 + ++runs_;
    what.cluster = 5;
    const auto done = state.apply(proposed_command{what, {ids_[name], runs_, 1}}, changes);
    BOOST_REQUIRE(done.has_value());
    BOOST_REQUIRE_MESSAGE(done->ok(), done->failure.text);
  }
  void down(const std::string& name) { must(node_down{name, node(name)->incarnation}); }
  void up(const std::string& name) { must(node_up{name, node(name)->incarnation}); }
  void forget(const std::string& name) { must(forget_node{name}); }
  node_ptr node(const std::string& name) const { return state.snapshot()->find_node(name); }
  repl::node_id id(const std::string& name) const { return static_cast<repl::node_id>(ids_.at(name)); }
  repl::member member(const std::string& name) const { return {id(name), node(name)->session}; }
  /// As the queue knows it.
  repl::member member(const std::string& of, repl::node_id which) const {
    return {which, node_table_of(placement(of), *state.snapshot()).registered(which)};
  }

  void declare(const std::string& name, const std::string& at, bool durable = true) {
    queue_record wanted = metadata_test::queue(name, durable);
    wanted.node = at;
    must(declare_queue{wanted});
  }
  void declare_quorum(const std::string& name, const std::string& at, int group_size = 0) {
    queue_record wanted = metadata_test::queue(name);
    wanted.node = at;
    wanted.arguments.set("x-queue-type", text("quorum"));
    if (group_size != 0)
      wanted.arguments.set("x-quorum-initial-group-size", {static_cast<int32_t>(group_size)});
    must(declare_queue{wanted});
  }
  void policy(const std::string& definition, const std::string& pattern = "^q") {
    must(put_policy{{"/", "ha", pattern, "queues", 0, definition}, false});
  }
  void no_policy() { must(delete_policy{"/", "ha", false}); }

  queue_ptr queue(const std::string& name) const { return state.snapshot()->find_queue("/", name); }
  const repl::placement& placement(const std::string& name) const {
    const queue_ptr found = queue(name);
    BOOST_REQUIRE_MESSAGE(found != nullptr, name << " is not there");
    BOOST_REQUIRE_MESSAGE(found->placement != nullptr, name << " is not replicated");
    return *found->placement;
  }
  /// As letters, in the order of the placement.
  std::string nodes(const std::string& name) const {
    std::string out;
    for (const repl::node_id one : placement(name).nodes)
      out += letter(one);
    return out;
  }
  std::string in_sync(const std::string& name) const {
    std::string out;
    for (const repl::member& one : placement(name).isr)
      out += letter(one.node);
    return out;
  }
  std::string master(const std::string& name) const { return letter(placement(name).master); }

  command_result change(const std::string& name, repl::placement_command what) {
    const queue_ptr found = queue(name);
    return apply(change_placement{"/", name, found ? found->id : 0, std::move(what)});
  }
  /// As the master would propose: these letters are in sync, each as what it is at present.
  void set_in_sync(const std::string& name, const std::string& letters) {
    const repl::placement now = placement(name);
    repl::alter_isr what{now.mastership, now.version, {}};
    for (const char one : letters) {
      const repl::member* listed = now.listed(id({one}));
      what.isr.push_back(listed ? *listed : member(name, id({one})));
    }
    std::sort(what.isr.begin(), what.isr.end());
    BOOST_REQUIRE(change(name, what).ok());
    BOOST_REQUIRE_EQUAL(in_sync(name), letters);
  }
  void promote(const std::string& name, const std::string& candidate) {
    const command_result done = change(name, repl::promote{placement(name).mastership, id(candidate)});
    BOOST_REQUIRE_MESSAGE(done.ok(), done.failure.text);
  }

private:
  std::string letter(repl::node_id which) const {
    for (const auto& [name, number] : ids_)
      if (number == which)
        return name;
    return "?";
  }

  std::map<std::string, uint64_t> ids_; ///< forgotten ones, too, unless they have joined again
  uint64_t runs_ = 0;
};

} // namespace metadata_test
