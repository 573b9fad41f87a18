#include "cluster_faults.hpp"

#include <algorithm>

#include "queue_plan.hpp"

namespace broker::sim {

void cluster_faults::plan(bool keeps_time, std::function<void()> change_policy) {
  const auto often = [this](uint64_t least_s, uint64_t most_s) {
    return log_uniform(random_, least_s, most_s) * second;
  };
  if (options_.crashes && random_.chance(2, 3))
    every(often(5, 60), [this] { crash(); });
  if (options_.crashes && random_.chance(1, 4))
    every(often(20, 90), [this] { crash_all(); });
  if (options_.crashes && random_.chance(1, 3))
    every(often(5, 60), [this] { crash_inside_disk(); });
  if (options_.disk && random_.chance(1, 3))
    every(often(10, 60), [this] { disk_error(); });
  if (options_.stalls && random_.chance(1, 3))
    every(often(5, 40), [this] { slow_disk(); });
  if (options_.partitions && random_.chance(1, 2))
    every(often(4, 40), [this] { partition(); });
  if (options_.links && random_.chance(1, 2))
    every(often(1, 20), [this] { break_link(); });
  if (options_.links && random_.chance(1, 3))
    every(often(5, 40), [this] { slow_network(); });
  if (options_.pauses && random_.chance(1, 2))
    every(often(5, 40), [this] { pause(); });
  if (options_.clocks && !keeps_time && random_.chance(1, 3))
    every(often(5, 40), [this] { wrong_clock(); });
  if (options_.members && random_.chance(1, 3))
    every(often(8, 40), [this] { change_members(); });
  if (options_.policies && random_.chance(1, 3))
    every(often(5, 40), std::move(change_policy));
  if (options_.drains && random_.chance(1, 3))
    every(often(5, 40), [this] { drain(); });
  if (options_.cuts && random_.chance(1, 2))
    every(often(1, 20), [this] { cut_client(); });
  if (options_.stalls && random_.chance(1, 3))
    every(often(5, 40), [this] { stall_client(); });
}

void cluster_faults::every(sim_ns mean, std::function<void()> what) {
  time_.after(mean / 4 + random_.below(mean * 3 / 2), [this, mean, what] {
    if (!on_)
      return;
    const auto rest = std::exchange(random_, random_.fork());
    if (all_.next())
      what();
    random_ = rest;
    every(mean, what);
  });
}

sim_cluster::member* cluster_faults::running() {
  return nodes_.any([](const member& each) { return each.node && each.node->up() && !each.leaving; });
}

void cluster_faults::fault(const std::string& what, const char* marker) {
  told_.say("FAULT " + what);
  told_.mark(marker);
  nodes_.trouble();
}

// -- nodes
// ---------------------------------------------------------------------------------------------------------------

void cluster_faults::crash() {
  member* who = running();
  if (!who)
    return;
  fault("power cut of " + who->name, "crash");
  ++counts_.crashes;
  nodes_.power_cut(*who, random_.chance(1, 2));
  nodes_.restart_later(*who, random_.chance(1, 4) ? 25 * second : 3 * second);
}

void cluster_faults::crash_all() {
  fault("power cut of all nodes", "crash-of-all");
  ++counts_.crashes;
  for (auto& each : nodes_.members()) {
    if (!each->node || !each->node->up() || each->leaving)
      continue;
    nodes_.power_cut(*each, true);
    nodes_.restart_later(*each, 5 * second);
  }
}

void cluster_faults::crash_inside_disk() {
  member* who = running();
  if (!who)
    return;
  fault("power cut of " + who->name + " inside a disk operation", "crash-inside-disk-operation");
  ++counts_.crashes;
  who->disk->faults().power_off_at = who->disk->steps() + 1 + random_.below(8);
}

void cluster_faults::disk_error() {
  member* who = running();
  if (!who)
    return;
  fault("disk error of " + who->name, "disk-error");
  ++counts_.disk_faults;
  who->disk_trouble = true;
  auto& faults = who->disk->faults();
  (random_.chance(1, 2) ? faults.write_error_at : faults.sync_error_at) = who->disk->steps() + 1 + random_.below(8);
}

void cluster_faults::slow_disk() {
  member* who = running();
  if (!who)
    return;
  fault("slow disk of " + who->name, "slow-disk");
  auto* node = who->node.get();
  node->set_disk_latency(log_uniform(random_, 10, 2000) * ms, 10 * ms);
  time_.after(log_uniform(random_, 100, 5000) * ms, [node] { node->set_disk_latency(200 * us, 2 * ms); });
}

void cluster_faults::pause() {
  member* who = running();
  if (!who || who->node->paused())
    return;
  fault(who->name + " stands still", "pause");
  auto* node = who->node.get();
  node->pause();
  time_.after(log_uniform(random_, 50, 20'000) * ms, [this, node] {
    node->resume();
    nodes_.trouble();
  });
}

void cluster_faults::wrong_clock() {
  member* who = running();
  if (!who)
    return;
  constexpr uint64_t day_ms = 86'400'000;
  const auto offset = static_cast<int64_t>(random_.below(2 * day_ms)) - static_cast<int64_t>(day_ms);
  fault("the calendar of " + who->name + " jumps by " + std::to_string(offset) + " ms", "clock-jump");
  who->node->set_wall_offset(offset);
}

void cluster_faults::change_members() {
  auto& all = nodes_.members();
  const auto belong = static_cast<size_t>(
    std::count_if(all.begin(), all.end(), [](const auto& each) { return each->belongs && !each->leaving; }));
  const bool calm = std::all_of(all.begin(), all.end(), [](const auto& each) {
    return !each->leaving && (!each->belongs || each->node->serves());
  });
  member* who = running();
  if (!calm || belong < 3 || !who)
    return;
  nodes_.remove(*who);
}

/// Masters leave while the node goes on: no fault that anybody may notice.
void cluster_faults::drain() {
  member* who = running();
  if (!who)
    return;
  told_.say("FAULT masters are to leave " + who->name);
  told_.mark("drain");
  nodes_.drain(*who, true);
  time_.after(log_uniform(random_, 500, 20'000) * ms, [this, who] {
    told_.say("masters may come back to " + who->name);
    nodes_.drain(*who, false);
  });
}

// -- the network
// -----------------------------------------------------------------------------------------------------------

void cluster_faults::partition() {
  if (nodes_.members().size() < 2)
    return;
  ++counts_.cuts;
  switch (random_.below(4)) {
  case 0:
    cut_halves();
    break;
  case 1:
    cut_ring();
    break;
  case 2:
    cut_one_way();
    break;
  default:
    cut_single();
  }
  time_.after(log_uniform(random_, 200, 30'000) * ms, [this] {
    told_.say("the network is whole");
    nodes_.network().heal();
    nodes_.trouble();
  });
}

void cluster_faults::cut_halves() {
  fault("the network falls into two halves", "cut-halves");
  std::vector<std::string> sides[2];
  for (auto& each : nodes_.members())
    sides[random_.below(2)].push_back(each->name);
  for (const auto& a : sides[0])
    for (const auto& b : sides[1]) {
      nodes_.network().cut(a, b);
      nodes_.network().cut(b, a);
    }
}

/// Each node reaches its two neighbours only.
void cluster_faults::cut_ring() {
  fault("the network becomes a ring", "cut-ring");
  const auto& all = nodes_.members();
  for (size_t a = 0; a < all.size(); ++a)
    for (size_t b = 0; b < all.size(); ++b) {
      const size_t apart = (a + all.size() - b) % all.size();
      if (apart > 1 && apart + 1 < all.size())
        nodes_.network().cut(all[a]->name, all[b]->name);
    }
}

void cluster_faults::cut_one_way() {
  const auto& all = nodes_.members();
  const size_t a = random_.below(all.size());
  const bool everybody = random_.chance(1, 2);
  const size_t only = (a + 1 + random_.below(all.size() - 1)) % all.size();
  const bool deaf = random_.chance(1, 2);
  fault(all[a]->name + (deaf ? " does not hear " : " is not heard by ") + (everybody ? "anybody" : all[only]->name),
        "cut-one-way");
  for (size_t b = 0; b < all.size(); ++b) {
    if (b == a || (!everybody && b != only))
      continue;
    if (deaf)
      nodes_.network().cut(all[b]->name, all[a]->name);
    else
      nodes_.network().cut(all[a]->name, all[b]->name);
  }
}

void cluster_faults::cut_single() {
  const auto& all = nodes_.members();
  const auto& one = all[random_.below(all.size())];
  fault(one->name + " is cut off", "cut-single");
  for (const auto& each : all) {
    if (each == one)
      continue;
    nodes_.network().cut(each->name, one->name);
    nodes_.network().cut(one->name, each->name);
  }
}

void cluster_faults::break_link() {
  const auto& all = nodes_.members();
  if (all.size() < 2)
    return;
  const size_t a = random_.below(all.size());
  const size_t b = (a + 1 + random_.below(all.size() - 1)) % all.size();
  fault("the connection of " + all[a]->name + " and " + all[b]->name + " breaks", "link-broken");
  nodes_.network().break_connections(all[a]->name, all[b]->name);
}

void cluster_faults::slow_network() {
  fault("slow network", "slow-network");
  const sim_ns base = log_uniform(random_, 1, 200) * ms;
  nodes_.network().set_delay({base, base});
  time_.after(log_uniform(random_, 200, 10'000) * ms, [this] {
    nodes_.network().set_delay({});
    nodes_.trouble();
  });
}

// -- clients
// -------------------------------------------------------------------------------------------------------------

void cluster_faults::cut_client() {
  ++counts_.cuts;
  told_.mark("cut");
  told_.say("FAULT a client's connection is cut");
  clients_[random_.below(clients_.size())]->cut();
}

void cluster_faults::stall_client() {
  auto& client = clients_[random_.below(clients_.size())];
  auto session = client->session();
  if (!session)
    return;
  told_.say("FAULT a client does not read");
  told_.mark("client-does-not-read");
  session->set_read_rate(0);
  const auto pause = log_uniform(random_, 100, 5000) * ms;
  client->stalled(time_.now() + pause);
  time_.after(pause, [session] { session->set_read_rate(100'000); });
}

} // namespace broker::sim
