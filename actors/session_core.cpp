#include "actors/session_core.hpp"

#include "actors/channel.hpp"
#include "actors/connection_actor.hpp"

namespace broker {

namespace {

/// How long a connection is shown in state `flow` after it was slowed down, as RabbitMQ's credit_flow.
constexpr uint64_t flow_shown_ms = 1'000;

} // namespace

session_core::session_core(session_context& context, peer_info peer)
  : context_(context), id_(context.node->next_connection++), peer_(std::move(peer)),
    connected_at_ms_(context.wall_ms ? context.wall_ms() : 0) {
  connection_settings settings = context_.settings;
  settings.counts = &context_.node->admitted;
  if (context_.cluster_name)
    if (auto name = context_.cluster_name(); !name.empty())
      settings.cluster_name = std::move(name);
  if (const uint16_t changed = context_.channel_max.load(std::memory_order_relaxed); changed != 0)
    settings.channel_max = changed;
  peer_info seen = peer_;
  seen.loopback |= context_.loopback_is_free.load(std::memory_order_relaxed);
  machine_ = std::make_unique<connection>(settings, std::move(seen), context_.node->snapshot_reader(), context_.pool,
                                          ref<credit_sink>{this}, context_.node->now_ms());
}

session_core::~session_core() = default;

void session_core::received(size_t count) {
  received_bytes_ += count;
  ++reads_;
  connection_step step;
  machine_->received(count, now_ms(), step);
  perform(step);
}

void session_core::peer_closed() {
  connection_step step;
  machine_->peer_closed(step);
  perform(step);
}

void session_core::wrote(size_t count) {
  sent_bytes_ += count;
  ++writes_;
  connection_step step;
  machine_->wrote(count, now_ms(), step);
  perform(step);
}

void session_core::tick_machine(uint64_t now) {
  if (now < machine_->deadline())
    return;
  connection_step step;
  machine_->tick(now, step);
  perform(step);
}

void session_core::take(std::vector<outgoing> items) {
  if (!machine_)
    return;
  connection_step step;
  for (auto& item : items)
    machine_->push(std::move(item), step);
  perform(step);
}

void session_core::finish_teardown() {
  guard_ = nullptr;
  channels_.clear();
  if (!machine_)
    return;
  connection_step step;
  machine_->torn_down(step);
  perform(step);
}

void session_core::close_machine(const error& why) {
  if (!machine_)
    return;
  connection_step step;
  machine_->close(why, step);
  perform(step);
}

void session_core::perform(connection_step& step) {
  for (const auto& line : step.log)
    context_.log(line.severity, line.text);
  if (step.login_refused && context_.login_refused)
    context_.login_refused(peer_.network);
  if (step.authenticated)
    logged_in_ = true;
  if (step.opened_vhost)
    guard_ = spawn_connection(*context_.system, *context_.node, id_, ref<session_link>{this}, machine_->vhost(),
                              machine_->user().user);
  for (auto number : step.closed) // before `opened`: a number may be used again at once
    channels_.erase(number);
  if (!step.opened.empty())
    open_channels(step.opened);
  if (!step.inputs.empty())
    hand_over(step);
  for (auto& who : step.writable)
    if (auto queue = context_.node->queues_by_id.find(who->queue))
      caf::anon_send(queue, queue_request_msg{{who->queue, consumer_ready{who}}});
  if (step.teardown)
    tear_down();
  if (step.close_socket_after_ms)
    close_when_written(*step.close_socket_after_ms);
  output_ready();
}

void session_core::open_channels(const std::vector<channel_number>& opened) {
  channel_settings settings;
  settings.connection = id_;
  settings.vhost = machine_->vhost();
  settings.user = machine_->user();
  settings.node = context_.node->node;
  settings.queue_leader_locator = context_.node->queue_leader_locator;
  settings.nodes = context_.node->cluster ? &context_.node->bridges : nullptr;
  settings.in_minority = minority_of(*context_.node);
  settings.connection_name = peer_.name;
  settings.tracing = &context_.node->tracing;
  settings.exchanges = &context_.node->exchanges;
  settings.frame_max = machine_->frame_max();
  settings.consumer_timeout_ms = context_.node->consumer_timeout_ms;
  if (auto* capabilities = machine_->client_properties().find("capabilities"))
    if (auto* table = std::get_if<amqp::field_table>(&capabilities->value))
      if (auto* notify = table->find("consumer_cancel_notify"))
        if (auto* wanted = std::get_if<bool>(&notify->value))
          settings.consumer_cancel_notify = *wanted;
  for (auto number : opened) {
    settings.number = number;
    settings.random_seed = context_.node->next_seed();
    auto channel = spawn_channel(*context_.system, *context_.node, settings, ref<session_link>{this});
    caf::anon_send(guard_, channel_started_msg{channel});
    channels_[number] = std::move(channel);
  }
}

void session_core::hand_over(connection_step& step) {
  inflight_.fetch_add(static_cast<int64_t>(step.inflight_bytes));
  for (auto& [number, input] : step.inputs) {
    auto found = channels_.find(number);
    if (found == channels_.end())
      input.batch->release();
    else
      caf::anon_send(found->second, channel_input_msg{std::move(input)});
  }
}

void session_core::tear_down() {
  if (std::exchange(torn_down_, true))
    return;
  if (guard_)
    caf::anon_send(guard_, connection_teardown_msg{});
  else
    finish_teardown();
}

void session_core::drop() {
  tear_down();
  channels_.clear();
  machine_.reset();
}

bool session_core::over_credit() const noexcept {
  return inflight_.load(std::memory_order_relaxed) > static_cast<int64_t>(context_.inflight_bytes);
}

bool session_core::take_credit(size_t bytes) noexcept {
  const auto amount = static_cast<int64_t>(bytes);
  return inflight_.fetch_sub(amount) - amount < static_cast<int64_t>(context_.inflight_bytes / 2);
}

std::vector<caf::actor> session_core::channels() const {
  std::vector<caf::actor> result;
  result.reserve(channels_.size());
  for (const auto& [number, who] : channels_)
    result.push_back(who);
  return result;
}

bool session_core::in_flow() const {
  return over_credit() || (slowed_at_ms_ != 0 && now_ms() < slowed_at_ms_ + flow_shown_ms);
}

session_report session_core::report() const {
  const bool flow = machine_->state() == "running" && in_flow();
  return {id_,
          peer_.name,
          machine_->user().user,
          machine_->auth_mechanism(),
          machine_->vhost(),
          flow ? "flow" : std::string{machine_->state()},
          machine_->open_channels(),
          machine_->channel_max(),
          machine_->frame_max(),
          machine_->heartbeat_s(),
          machine_->client_properties(),
          received_bytes_,
          sent_bytes_,
          reads_,
          writes_,
          connected_at_ms_};
}

} // namespace broker
