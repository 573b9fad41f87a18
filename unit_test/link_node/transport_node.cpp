#include "transport_node.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <thread>

#include "base/assert.hpp"

namespace test {

namespace {

struct counting_state {
  static inline const char* name = "counting service";
  uint64_t last = 0;
  std::deque<node_frame> kept;
};

caf::behavior counting_service(caf::stateful_actor<counting_state>* self, observed* seen) {
  return {
    [=](node_frame_msg& message) {
      auto& frame = message.content;
      const uint64_t number = std::strtoull(frame.bytes.c_str(), nullptr, 10);
      if (number != ++self->state.last)
        ++seen->out_of_order;
      seen->bytes += frame.bytes.size();
      ++seen->frames;
      if (seen->keeps)
        self->state.kept.push_back(std::move(frame));
      else
        self->state.kept.clear();
    },
    [=](node_datagram_msg&) { ++seen->datagrams; },
    [=](const node_up_msg& up) {
      ++seen->ups;
      if (!up.fresh)
        return;
      self->state.last = 0;
      ++seen->fresh;
      seen->session = up.session;
    },
    [=](const node_suspect_msg&) { ++seen->suspects; },
    [=](const node_lost_msg&) {
      seen->session = 0;
      ++seen->losts;
    },
    [=](const node_room_msg&) { ++seen->rooms; },
    [=](caf::ok_atom) { self->state.kept.clear(); },
  };
}

uint64_t random_number() {
  thread_local std::random_device source;
  return (uint64_t{source()} << 32 | source()) | 1;
}

} // namespace

uint64_t steady_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

std::string numbered(uint64_t number, size_t bytes) {
  char digits[32];
  const auto size = static_cast<size_t>(std::snprintf(digits, sizeof digits, "%lu ", number));
  std::string payload(std::max(bytes, size), 'x');
  std::memcpy(payload.data(), digits, size);
  return payload;
}

bool within(uint64_t longest_ms, const std::function<bool()>& what) {
  for (const uint64_t end = steady_ms() + longest_ms; steady_ms() < end;) {
    if (what())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return what();
}

transport_node::transport_node(transport_settings settings)
  : settings_(std::move(settings)),
    wire_(
      [this] {
        cluster_wire_settings how;
        how.node = settings_.node;
        how.cookie = settings_.cookie;
        how.host = settings_.host;
        how.port = settings_.port;
        how.locate = [](const std::string&) { return std::pair{std::string{"127.0.0.1"}, uint16_t{1}}; };
        how.now_ms = steady_ms;
        how.note = [this](const std::string& line) { note(line); };
        return how;
      }(),
      loops_) {
  const auto opened = wire_.open();
  BROKER_ASSERT(opened.ok(), opened.ok() ? "" : opened.error().text);
  config_.module_factories.push_back(loop_scheduler::factory(loops_));
  system_ = std::make_unique<caf::actor_system>(config_);
  node_links_settings how;
  how.node = settings_.node;
  how.incarnation = random_number();
  how.break_limit_ms = settings_.break_limit_ms;
  how.random = random_number;
  how.now_ms = steady_ms;
  how.note = [this](const std::string& line) { note(line); };
  links_ = std::make_unique<node_links>(*system_, wire_, std::move(how));
  for (size_t i = 0; i < cluster_services; ++i) {
    actors_.push_back(system_->spawn(counting_service, &seen_[i]));
    links_->serve(service_at(i), actors_.back());
  }
  wire_.start([this](const std::string& node) { return links_->admit(node); });
}

transport_node::~transport_node() {
  std::atomic<bool> said{false};
  links_->end("the node stops", [&] { said = true; });
  within(2'000, [&] { return said.load(); });
  wire_.stop();
  for (const auto& each : actors_)
    caf::anon_send_exit(each, caf::exit_reason::kill);
  actors_.clear();
  links_.reset();
  system_->await_actors_before_shutdown(false);
  system_.reset();
}

void transport_node::note(const std::string& line) {
  if (settings_.log)
    settings_.log(line);
  const std::lock_guard hold{mutex_};
  lines_.push_back(line);
}

void transport_node::release(cluster_service service) {
  seen(service).keeps = false;
  caf::anon_send(actors_[index_of(service)], caf::ok_atom::value);
}

bool transport_node::logged(std::string_view text) const {
  const std::lock_guard hold{mutex_};
  for (const auto& line : lines_)
    if (line.find(text) != std::string::npos)
      return true;
  return false;
}

std::string transport_node::log_text() const {
  const std::lock_guard hold{mutex_};
  std::string all;
  for (const auto& line : lines_)
    all += line + "\n";
  return all;
}

} // namespace test
