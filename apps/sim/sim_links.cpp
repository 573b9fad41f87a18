#include "sim_links.hpp"

#include <algorithm>

namespace broker::sim {

namespace {

/// What cluster_wire waits for an answer.
constexpr sim_ns connect_timeout = 3 * second;
constexpr size_t untaken_max_bytes = 1024 * 1024;
/// A side hears what of its bytes has left when it is worth a message: it stops at wire_unwritten_max_bytes only.
constexpr size_t say_written_bytes = wire_unwritten_max_bytes / 8;

} // namespace

/// One end of a connection, as its peer actor holds it. May outlive the node's attachment, not the network.
class sim_network::stream final : public node_connection {
public:
  stream(sim_network& network, connection_ptr over, int side)
    : network_(network), over_(std::move(over)), side_(side), address_("sim:" + over_->ends[1 - side].node) {}

  uint64_t id() const override { return over_->id; }
  const std::string& address() const override { return address_; }
  void write(byte_buffer bytes) override {
    if (over_->ends[side_].peer) // else the node has crashed, and its last actors run on for a moment
      network_.write(over_, side_, {std::string{bytes.view()}, false});
  }
  void taken(size_t bytes) override { network_.taken(over_, side_, bytes); }
  void close(std::string last) override { network_.close(over_, side_, std::move(last)); }

private:
  sim_network& network_;
  const connection_ptr over_;
  const int side_;
  const std::string address_;
};

class sim_network::wire final : public node_wire {
public:
  wire(sim_network& network, std::string node, uint64_t life,
       std::function<caf::actor(const std::string& other)> admitting)
    : admit(std::move(admitting)), life_number(life), network_(network), node_(std::move(node)) {}

  void dial(const std::string& node, const std::string&, uint16_t, caf::actor answer) override {
    network_.dial(node_, node, answer);
  }

  std::function<caf::actor(const std::string& other)> admit;
  const uint64_t life_number;
  bool attached = true;
  bool silent = false; ///< its host has gone with it

private:
  sim_network& network_;
  const std::string node_;
};

sim_network::sim_network(virtual_time& time, random_source random) : time_(time), random_(random) {}

sim_network::~sim_network() {
  for (auto& [name, each] : wires_)
    if (each->attached)
      detach(name, true);
}

node_wire& sim_network::attach(const std::string& node, std::function<caf::actor(const std::string& other)> admit) {
  auto& slot = wires_[node];
  BROKER_ASSERT(!slot || !slot->attached, "the node is attached already");
  slot = std::make_unique<wire>(*this, node, ++attached_, std::move(admit));
  return *slot;
}

void sim_network::detach(const std::string& node, bool silent) {
  auto& gone = *wires_.at(node);
  gone.attached = false;
  gone.silent = silent;
  gone.admit = nullptr;
  paused_.erase(node);
  const auto all = connections_;
  for (const auto& [id, over] : all)
    for (const int side : {0, 1}) {
      auto& end = over->ends[side];
      if (end.node != node || !end.peer)
        continue;
      end.peer = nullptr;
      end.arriving.clear();
      end.ready = 0;
      if (!silent)
        write(over, side, {"", true});
      forget_if_closed(*over);
    }
}

// -- making connections
// -------------------------------------------------------------------------------------------------

void sim_network::dial(const std::string& from, const std::string& to, const caf::actor& answer) {
  const uint64_t life = wires_.at(from)->life_number;
  // The event must not keep the dialler's actor beyond its node's life.
  const auto weak = caf::actor_cast<caf::actor_addr>(answer);
  time_.after(hopeless(from, to) ? connect_timeout : delay(), [this, from, to, weak, life] {
    const auto& mine = *wires_.at(from);
    if (!mine.attached || mine.life_number != life)
      return;
    if (const auto again = caf::actor_cast<caf::actor>(weak))
      connect(from, to, again);
  });
}

bool sim_network::machine_refuses(const std::string& node) const {
  const auto at = wires_.find(node);
  return refuses_ && at != wires_.end() && !at->second->attached && !at->second->silent;
}

void sim_network::connect(const std::string& from, const std::string& to, const caf::actor& answer) {
  const auto there = wires_.find(to);
  std::string refused;
  caf::actor peer;
  if (hopeless(from, to))
    refused = "no answer from " + to;
  else if (there == wires_.end() || !there->second->attached)
    refused = to + " refused the connection";
  else if (peer = there->second->admit(from); !peer)
    refused = to + " does not admit us";
  if (!refused.empty())
    return caf::anon_send(answer, wire_dial_failed_msg{refused, machine_refuses(to)});
  const auto over = std::make_shared<connection>();
  over->id = next_id_++;
  over->ends[0].node = from;
  over->ends[0].peer = answer;
  over->ends[1].node = to;
  over->ends[1].peer = peer;
  connections_.emplace(over->id, over);
  for (const int side : {0, 1})
    caf::anon_send(over->ends[side].peer,
                   wire_connected_msg{wire_connected{std::make_shared<stream>(*this, over, side), side == 0}});
}

// -- bytes
// --------------------------------------------------------------------------------------------------------------

void sim_network::write(const connection_ptr& over, int from, chunk what) {
  auto& to = over->ends[1 - from];
  if (!to.peer)
    return;
  to.arriving.push_back(std::move(what));
  to.last_due = std::max(to.last_due, time_.now() + delay(over->ends[from].node, to.node));
  time_.after(to.last_due - time_.now(), [this, over, at = 1 - from] {
    ++over->ends[at].ready;
    deliver(over, at);
  });
}

void sim_network::deliver(const connection_ptr& over, int at) {
  auto& to = over->ends[at];
  auto& from = over->ends[1 - at];
  while (to.peer && to.ready > 0 && !to.arriving.empty() && to.untaken < untaken_max_bytes
         && !is_cut(from.node, to.node)) {
    auto next = std::move(to.arriving.front());
    to.arriving.pop_front();
    --to.ready;
    trace_.add(over->id * 2 + static_cast<uint64_t>(at));
    trace_.add(time_.now());
    trace_.add(next.bytes);
    if (next.end)
      return broken(*over, at, "closed by the other side");
    delivered_bytes_ += next.bytes.size();
    to.untaken += next.bytes.size();
    from.unsaid += next.bytes.size();
    if (from.peer && from.unsaid >= say_written_bytes)
      caf::anon_send(from.peer, wire_written_msg{over->id, std::exchange(from.unsaid, 0)});
    caf::anon_send(to.peer, wire_data_msg{wire_data{over->id, std::move(next.bytes)}});
  }
}

void sim_network::taken(const connection_ptr& over, int at, size_t bytes) {
  auto& end = over->ends[at];
  end.untaken -= std::min(end.untaken, bytes);
  deliver(over, at);
}

// -- ends
// ---------------------------------------------------------------------------------------------------------------

void sim_network::close(const connection_ptr& over, int at, std::string last) {
  auto& end = over->ends[at];
  if (!end.peer)
    return;
  end.peer = nullptr;
  end.arriving.clear();
  end.ready = 0;
  if (!last.empty())
    write(over, at, {std::move(last), false});
  write(over, at, {"", true});
  forget_if_closed(*over);
}

void sim_network::forget_if_closed(const connection& over) {
  if (!over.ends[0].peer && !over.ends[1].peer)
    connections_.erase(over.id);
}

void sim_network::broken(connection& over, int at, const std::string& why) {
  auto& end = over.ends[at];
  const auto peer = std::exchange(end.peer, nullptr);
  end.arriving.clear();
  end.ready = 0;
  if (peer)
    caf::anon_send(peer, wire_broken_msg{over.id, why});
  forget_if_closed(over);
}

void sim_network::cut(const std::string& from, const std::string& to) {
  cuts_.emplace(from, to);
}

void sim_network::set_detour(const std::string& from, const std::string& to, sim_ns longer) {
  if (longer == 0)
    detours_.erase({from, to});
  else
    detours_[{from, to}] = longer;
}

sim_ns sim_network::delay(const std::string& from, const std::string& to) {
  const auto found = detours_.empty() ? detours_.end() : detours_.find({from, to});
  return delay() + (found == detours_.end() ? 0 : found->second);
}

void sim_network::set_paused(const std::string& node, bool paused) {
  if (paused)
    paused_.insert(node);
  else
    paused_.erase(node);
}

void sim_network::heal() {
  cuts_.clear();
  detours_.clear();
  const auto all = connections_; // a delivery may end one
  for (const auto& [id, over] : all)
    for (const int side : {0, 1})
      deliver(over, side);
}

void sim_network::break_connections(const std::string& one, const std::string& other) {
  const auto all = connections_;
  for (const auto& [id, over] : all)
    if ((over->ends[0].node == one && over->ends[1].node == other)
        || (over->ends[0].node == other && over->ends[1].node == one))
      for (const int side : {0, 1})
        broken(*over, side, "connection reset");
}

size_t sim_network::open_connections() const {
  size_t count = 0;
  for (const auto& [id, over] : connections_)
    count += over->ends[0].peer && over->ends[1].peer ? 1 : 0;
  return count;
}

} // namespace broker::sim
