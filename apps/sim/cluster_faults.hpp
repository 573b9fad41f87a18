// What goes wrong in a simulated cluster (guarantees.md F1-F4, F8-F17): each seed switches kinds of faults on or off
// and draws how often they happen.
#pragma once

#include <functional>
#include <memory>
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

  /// `keeps_time`: calendars may not jump, since somebody's messages live for a time. `change_policy` is called for
  /// that fault.
  void plan(bool keeps_time, std::function<void()> change_policy);
  /// From now on nothing goes wrong any more.
  void stop() { on_ = false; }
  /// That have come, also those that were left out.
  uint32_t count() const noexcept { return all_.count(); }

private:
  using member = sim_cluster::member;
  void every(sim_ns mean, std::function<void()> what);
  member* running();
  void fault(const std::string& what, const char* marker);

  void crash();
  void crash_all();
  void crash_inside_disk();
  void disk_error();
  void slow_disk();
  void partition();
  void cut_halves();
  void cut_ring();
  void cut_one_way();
  void cut_single();
  void break_link();
  void slow_network();
  void pause();
  void wrong_clock();
  void change_members();
  void drain();
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
  bool on_ = true;
};

} // namespace broker::sim
