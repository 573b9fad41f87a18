// What goes wrong in a simulated cluster (guarantees.md F1-F4, F8-F17): each seed switches kinds of faults on or off
// and draws how often they happen.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_client.hpp"
#include "run.hpp"
#include "sim_cluster.hpp"

namespace broker::sim {

class cluster_faults {
public:
  using clients = std::vector<std::unique_ptr<model_client>>;
  cluster_faults(virtual_time& time, random_source random, sim_cluster& nodes, clients& who, const run_options& options,
                 run_result& counts, sim_cluster::events told)
    : time_(time), random_(random), nodes_(nodes), clients_(who), options_(options), counts_(counts),
      told_(std::move(told)), all_(options.only_faults) {}

  /// The node, and what its calendar is off by from now on, in milliseconds.
  using calendar_event = std::function<void(const std::string& node, int64_t offset_ms)>;
  /// `keeps_time`: calendars may not jump, since somebody's messages live for a time. `change_policy` is called for
  /// that fault; `calendar_jumped` hears by how much the calendar of a node is off from now on.
  void plan(bool keeps_time, std::function<void()> change_policy, calendar_event calendar_jumped);
  /// That queue has another master since just now: in some seeds this is when something goes wrong.
  void master_moved(const queue_record& queue);
  /// A client asks for a purge of that queue just now: likewise.
  void purging(const std::string& queue);
  /// From now on nothing goes wrong any more.
  void stop() { on_ = false; }
  /// That have come, also those that were left out.
  uint32_t count() const noexcept { return all_.count(); }

private:
  using member = sim_cluster::member;
  void every(sim_ns mean, std::function<void()> what);
  /// A node that runs; every other time one that has a master, if a queue is drawn that has copies.
  member* running();
  queue_ptr any_replicated(const member& as_known_by);
  queue_ptr masterless_first(const member& as_known_by);
  member* named(const std::string& name);
  void fault(const std::string& what, const char* marker);

  void crash();
  void crash(member& who, sim_ns longest_down);
  void pause(member& who, sim_ns longest);
  void cut_off(const std::string& who);
  void heal_within(sim_ns longest);
  void crash_all();
  void cut_power_of_all(sim_ns apart);
  void crash_inside_disk();
  void disk_error();
  void slow_disk();
  void slow_processor();
  void partition();
  void cut_halves();
  void cut_ring();
  void cut_one_way();
  void cut_single();
  /// Any two; nothing if there are not.
  std::optional<std::pair<std::string, std::string>> two_members();
  void break_link();
  void slow_network();
  void detour();
  void pause();
  void wrong_clock();
  void change_members();
  void drain();
  void drain(sim_ns longest);
  void drain(member& who, sim_ns longest);
  void wrong_order();
  void strike(const std::string& master, const std::string& before);
  void cut_client();
  void stall_client();

  virtual_time& time_;
  random_source random_;
  sim_cluster& nodes_;
  clients& clients_;
  const run_options& options_;
  run_result& counts_;
  const sim_cluster::events told_;
  numbered all_;
  calendar_event calendar_jumped_;
  bool on_ = true;
  uint64_t strikes_one_in_ = 0;                ///< of new masters; 0: none
  sim_ns quiet_until_ = 0;                     ///< of strikes
  std::map<std::string, std::string> masters_; ///< by queue, the last one's node
};

} // namespace broker::sim
