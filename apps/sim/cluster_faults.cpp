#include "cluster_faults.hpp"

#include <algorithm>

#include "queue_plan.hpp"

namespace broker::sim {

void cluster_faults::plan(bool keeps_time, std::function<void()> change_policy, calendar_event calendar_jumped) {
  calendar_jumped_ = std::move(calendar_jumped);
  const auto often = [this](uint64_t least_s, uint64_t most_s) {
    return log_uniform(random_, least_s, most_s) * second;
  };
  if (options_.crashes && random_.chance(2, 3))
    every(often(5, 60), [this] { crash(); });
  if (options_.crashes && random_.chance(1, 3))
    every(often(6, 90), [this] { crash_all(); });
  if (options_.crashes && random_.chance(1, 3))
    every(often(5, 60), [this] { crash_inside_disk(); });
  if (options_.disk && random_.chance(1, 3))
    every(often(10, 60), [this] { disk_error(); });
  if (options_.stalls && random_.chance(1, 3))
    every(often(5, 40), [this] { slow_disk(); });
  if (options_.stalls && random_.chance(1, 2))
    every(often(2, 30), [this] { slow_processor(); });
  if (options_.partitions && random_.chance(1, 2))
    every(often(4, 40), [this] { partition(); });
  if (options_.links && random_.chance(1, 2))
    every(often(1, 20), [this] { break_link(); });
  if (options_.links && random_.chance(1, 3))
    every(often(5, 40), [this] { slow_network(); });
  if (options_.links && random_.chance(1, 3))
    every(often(2, 20), [this] { detour(); });
  if (options_.pauses && random_.chance(1, 2))
    every(often(5, 40), [this] { pause(); });
  if (options_.clocks && !keeps_time && random_.chance(1, 3))
    every(often(5, 40), [this] { wrong_clock(); });
  if (options_.members && random_.chance(1, 3))
    every(often(8, 40), [this] { change_members(); });
  if (options_.policies && random_.chance(1, 3))
    every(often(5, 40), std::move(change_policy));
  if (options_.drains && random_.chance(1, 2))
    random_.chance(1, 2) ? every(often(2, 30), [this] { drain(); })
                         : every(log_uniform(random_, 300, 3000) * ms, [this] { drain(3 * second); });
  if (options_.orders && random_.chance(1, 3))
    every(often(1, 10), [this] { wrong_order(); });
  if (options_.strikes && random_.chance(1, 2))
    strikes_one_in_ = 1 + random_.below(4);
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

queue_ptr cluster_faults::any_replicated(const member& as_known_by) {
  std::vector<queue_ptr> all;
  if (const auto metadata = as_known_by.node->metadata())
    metadata->for_each_queue([&](const queue_ptr& one) {
      if (one->placement)
        all.push_back(one);
    });
  return all.empty() ? nullptr : all[random_.below(all.size())];
}

sim_cluster::member* cluster_faults::named(const std::string& name) {
  for (auto& each : nodes_.members())
    if (each->name == name && each->node && each->node->up() && !each->leaving)
      return each.get();
  return nullptr;
}

sim_cluster::member* cluster_faults::running() {
  if (random_.chance(1, 2))
    if (auto* via = nodes_.any_serving())
      if (const auto queue = any_replicated(*via))
        if (auto* master = named(queue->node))
          return master;
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
  if (who)
    crash(*who, random_.chance(1, 4) ? 25 * second : 3 * second);
}

void cluster_faults::crash(member& who, sim_ns longest_down) {
  fault("power cut of " + who.name, "crash");
  ++counts_.crashes;
  nodes_.power_cut(who, random_.chance(1, 2));
  nodes_.restart_later(who, longest_down);
}

void cluster_faults::crash_all() {
  fault("power cut of all nodes", "crash-of-all");
  ++counts_.crashes;
  cut_power_of_all(random_.chance(1, 2) ? 0 : log_uniform(random_, 1, 1500) * ms);
}

/// One after the other within that time, so that some log goes on where another has ended.
void cluster_faults::cut_power_of_all(sim_ns apart) {
  for (auto& each : nodes_.members()) {
    const auto cut = [this, &who = *each, longest = (apart + 5 * second)] {
      if (!who.node || !who.node->up() || who.leaving)
        return;
      nodes_.power_cut(who, true);
      nodes_.restart_later(who, longest);
    };
    if (apart == 0)
      cut();
    else
      time_.after(random_.below(apart), [this, cut] {
        if (on_)
          cut();
      });
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
  time_.after(log_uniform(random_, 100, 5000) * ms, [node] { node->usual_disk_latency(); });
}

/// What an actor is told waits while the network and the disks go on.
void cluster_faults::slow_processor() {
  member* who = running();
  if (!who)
    return;
  fault("slow processor of " + who->name, "slow-processor");
  auto* node = who->node.get();
  node->set_job_time(log_uniform(random_, 10, 3000) * us);
  time_.after(log_uniform(random_, 100, 8000) * ms, [this, node] {
    node->set_job_time(0);
    nodes_.trouble();
  });
}

void cluster_faults::pause() {
  if (member* who = running())
    pause(*who, 20 * second);
}

void cluster_faults::pause(member& who, sim_ns longest) {
  if (who.node->paused())
    return;
  fault(who.name + " stands still", "pause");
  auto* node = who.node.get();
  node->pause();
  time_.after(log_uniform(random_, 50, longest / ms) * ms, [this, node] {
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
  calendar_jumped_(who->name, offset);
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
  drain(20 * second);
}

void cluster_faults::drain(sim_ns longest) {
  if (member* who = running())
    drain(*who, longest);
}

void cluster_faults::drain(member& who, sim_ns longest) {
  told_.say("FAULT masters are to leave " + who.name);
  told_.mark("drain");
  nodes_.drain(who, true);
  time_.after(log_uniform(random_, 300, longest / ms) * ms, [this, &who] {
    told_.say("masters may come back to " + who.name);
    nodes_.drain(who, false);
  });
}

/// One whose master is down, if there is any: else an order can do little.
queue_ptr cluster_faults::masterless_first(const member& as_known_by) {
  queue_ptr found;
  const auto metadata = as_known_by.node->metadata();
  metadata->for_each_queue([&](const queue_ptr& one) {
    if (!one->placement || found)
      return;
    const auto master = metadata->find_node(one->node);
    if (!master || !master->up)
      found = one;
  });
  return found ? found : any_replicated(as_known_by);
}

/// What a supervisor that knows too little, or one of yesterday, might want of a queue's copies: the metadata refuses
/// what would lose something, and nobody notices the rest.
void cluster_faults::wrong_order() {
  member* via = nodes_.any_serving();
  const auto queue = via && !via->node->paused() ? masterless_first(*via) : nullptr;
  if (!queue)
    return;
  std::vector<node_ptr> all;
  via->node->metadata()->for_each_node([&](const node_ptr& one) { all.push_back(one); });
  const auto& who = *all[random_.below(all.size())];
  const auto number = static_cast<replication::node_id>(who.id);
  const epoch mastership = queue->mastership - (random_.chance(1, 8) ? 1 : 0);
  change_placement what{queue->vhost, queue->name, queue->id, {}};
  std::string words;
  switch (random_.below(3)) {
  case 0:
    words = "promotion of ";
    what.what = replication::promote{mastership, number};
    break;
  case 1:
    words = "hand-over to ";
    what.what = replication::hand_over{mastership, {number, queue->placement->incarnation_of(number, who.session)}};
    break;
  default:
    words = "recovery by ";
    what.what = replication::recover{mastership, number, false, false};
  }
  told_.say("FAULT somebody orders a " + words + who.name + " for queue '" + queue->name + "'");
  told_.mark("wrong-order");
  via->node->propose(std::move(what), [](const command_result&) {});
}

// -- at the moments that matter
// ------------------------------------------------------------------------------------------

void cluster_faults::master_moved(const queue_record& queue) {
  const std::string before = std::exchange(masters_[queue.name], queue.node);
  if (!on_ || strikes_one_in_ == 0 || time_.now() < quiet_until_ || !random_.chance(1, strikes_one_in_))
    return;
  quiet_until_ = time_.now() + 2 * second;
  time_.after(log_uniform(random_, 100, 1'500'000) * us, [this, master = queue.node, before] {
    if (!on_)
      return;
    const auto rest = std::exchange(random_, random_.fork());
    if (all_.next())
      strike(master, before);
    random_ = rest;
  });
}

void cluster_faults::purging(const std::string& queue) {
  if (!on_ || strikes_one_in_ == 0 || time_.now() < quiet_until_)
    return;
  quiet_until_ = time_.now() + 2 * second;
  time_.after(log_uniform(random_, 1, 1'500) * ms, [this, queue] {
    if (!on_)
      return;
    const auto rest = std::exchange(random_, random_.fork());
    if (const auto at = masters_.find(queue); all_.next() && at != masters_.end())
      strike(at->second, at->second);
    random_ = rest;
  });
}

/// The new master, the one before or somebody else goes, stands still or is not heard.
void cluster_faults::strike(const std::string& master, const std::string& before) {
  told_.mark("strike");
  member* who = random_.chance(1, 2) ? named(master) : random_.chance(1, 2) ? named(before) : running();
  if (!who)
    return;
  switch (random_.below(5)) {
  case 0:
  case 1:
    return crash(*who, random_.chance(1, 4) ? 15 * second : 1 * second);
  case 2:
    return pause(*who, 5 * second);
  case 3:
    cut_off(who->name);
    return heal_within(5 * second);
  default:
    return drain(*who, 5 * second);
  }
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
  heal_within(30 * second);
}

void cluster_faults::heal_within(sim_ns longest) {
  time_.after(log_uniform(random_, 200, longest / ms) * ms, [this] {
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
  cut_off(all[random_.below(all.size())]->name);
}

void cluster_faults::cut_off(const std::string& who) {
  fault(who + " is cut off", "cut-single");
  for (const auto& each : nodes_.members()) {
    if (each->name == who)
      continue;
    nodes_.network().cut(each->name, who);
    nodes_.network().cut(who, each->name);
  }
}

std::optional<std::pair<std::string, std::string>> cluster_faults::two_members() {
  const auto& all = nodes_.members();
  if (all.size() < 2)
    return {};
  const size_t a = random_.below(all.size());
  const size_t b = (a + 1 + random_.below(all.size() - 1)) % all.size();
  return std::pair{all[a]->name, all[b]->name};
}

void cluster_faults::break_link() {
  const auto pair = two_members();
  if (!pair)
    return;
  const auto& [one, other] = *pair;
  fault("the connection of " + one + " and " + other + " breaks", "link-broken");
  nodes_.network().break_connections(one, other);
}

void cluster_faults::slow_network() {
  fault("slow network", "slow-network");
  const sim_ns base = log_uniform(random_, 1, 200) * ms;
  nodes_.network().set_delay({base, base});
  time_.after(log_uniform(random_, 200, 10'000) * ms, [this] {
    nodes_.network().usual_delay();
    nodes_.trouble();
  });
}

/// One direction between two nodes takes another way, but not so long that anybody takes the other for dead.
void cluster_faults::detour() {
  const auto pair = two_members();
  if (!pair)
    return;
  const auto& [one, other] = *pair;
  const sim_ns longer = log_uniform(random_, 10, 1200) * ms;
  fault("what " + one + " sends to " + other + " takes " + std::to_string(longer / ms) + " ms longer", "detour");
  nodes_.network().set_detour(one, other, longer);
  time_.after(log_uniform(random_, 500, 10'000) * ms, [this, from = one, to = other] {
    nodes_.network().set_detour(from, to, 0);
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
