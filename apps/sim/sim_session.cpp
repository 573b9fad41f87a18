#include "sim_session.hpp"

#include <algorithm>
#include <cstring>

namespace broker::sim {

namespace {

/// The kernel's buffers between broker and client.
constexpr size_t socket_buffer_bytes = 256 * 1024;

} // namespace

sim_session::sim_session(session_context& context, peer_info peer, virtual_time& time, random_source random,
                         wire_peer& client, plant& mistakes)
  : session_core(context, std::move(peer)), node_(context.node->node), time_(time), mistakes_(mistakes),
    random_(random), client_(&client) {}

sim_ns sim_session::delay() {
  return 20 * us + random_.below(500 * us);
}

void sim_session::send(std::string bytes) {
  last_to_broker_ = std::max(time_.now() + delay(), last_to_broker_ + 1);
  time_.after(last_to_broker_ - time_.now(), [self = ref<sim_session>{this}, bytes = std::move(bytes)] {
    if (self->dead_ || self->ended())
      return;
    self->input_ += bytes;
    self->pump();
  });
}

void sim_session::pump() {
  pump_scheduled_ = false;
  while (!dead_ && !frozen_ && !ended() && !closing_ && !input_.empty() && !over_credit()) {
    auto space = machine().read_space();
    size_t count = std::min(space.size(), input_.size());
    if (random_.chance(1, 4)) // the kernel hands out what it has
      count = 1 + random_.below(count);
    std::memcpy(space.data(), input_.data(), count);
    input_.erase(0, count);
    received(count);
  }
}

void sim_session::credit(size_t bytes) noexcept {
  if (!take_credit(bytes) || pump_scheduled_ || dead_)
    return;
  pump_scheduled_ = true;
  time_.after(0, [self = ref<sim_session>{this}] { self->pump(); });
}

void sim_session::output_ready() {
  if (std::exchange(flush_scheduled_, true))
    return;
  time_.after(0, [self = ref<sim_session>{this}] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void sim_session::flush() {
  while (!dead_ && !frozen_ && !ended() && client_ != nullptr) {
    const auto chunk = machine().output();
    if (chunk.empty()) {
      if (closing_)
        end();
      return;
    }
    if (on_the_wire_ >= socket_buffer_bytes || read_rate_ == 0)
      return;
    size_t count = std::min(chunk.size(), socket_buffer_bytes - on_the_wire_);
    if (random_.chance(1, 4))
      count = 1 + random_.below(count);
    on_the_wire_ += count;
    const auto reading = count * ms / read_rate_;
    last_to_client_ = std::max(time_.now() + delay() + reading, last_to_client_ + 1 + reading);
    time_.after(last_to_client_ - time_.now(),
                [self = ref<sim_session>{this}, bytes = std::string{chunk.substr(0, count)}] {
                  self->on_the_wire_ -= bytes.size();
                  if (self->client_ != nullptr)
                    self->client_->arrived(bytes);
                  self->output_ready();
                });
    wrote(count);
  }
}

void sim_session::close_when_written(uint32_t after_ms) {
  if (std::exchange(closing_, true))
    return;
  time_.after((after_ms + 1) * ms, [self = ref<sim_session>{this}] { self->output_ready(); });
}

void sim_session::end() {
  if (!ended())
    drop();
  last_to_client_ = std::max(time_.now() + delay(), last_to_client_ + 1);
  time_.after(last_to_client_ - time_.now(), [self = ref<sim_session>{this}] {
    if (auto* client = std::exchange(self->client_, nullptr))
      client->closed();
  });
}

void sim_session::cut() {
  client_ = nullptr;
  if (dead_ || ended())
    return;
  peer_closed();
  drop();
}

void sim_session::die() {
  dead_ = true;
  if (auto* client = std::exchange(client_, nullptr))
    time_.after(delay(), [client] { client->closed(); });
  if (!ended())
    drop();
}

void sim_session::freeze(bool frozen) {
  frozen_ = frozen;
  if (frozen || dead_ || ended())
    return;
  pump();
  output_ready();
}

void sim_session::tick() {
  if (!dead_ && !ended() && !closing_)
    tick_machine(now_ms());
}

} // namespace broker::sim
