#include "net/loop.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <caf/abstract_actor.hpp>
#include <caf/scheduled_actor.hpp>

#include "base/assert.hpp"

namespace broker {

namespace {

thread_local loop* t_current = nullptr;

/// Ready handlers and actors run per turn before output is flushed: bounds the latency of both.
constexpr int handlers_per_turn = 64;
constexpr int actors_per_turn = 64;
constexpr int turns_without_flush_max = 4;
/// Messages an actor may consume per resume (caf.md: the default is unlimited).
constexpr size_t messages_per_resume = 300;
/// Turns after stop() for the actors that still have something to run: their ends. More than any node has queues.
constexpr int last_turns_max = 100'000;

} // namespace

loop* loop::current() noexcept {
  return t_current;
}

void loop::exec_later(caf::resumable* job) {
  loop& home = group_.home(job);
  if (&home == t_current)
    enqueue(job);
  else
    home.enqueue_from_outside(job);
}

void loop::enqueue(caf::resumable* job) {
  ready_.push_back(job);
}

void loop::enqueue_from_outside(caf::resumable* job) {
  bool first;
  {
    std::unique_lock guard{mutex_};
    if (heir_ != nullptr) {
      guard.unlock();
      return heir_->enqueue_from_outside(job);
    }
    first = foreign_.empty();
    foreign_.push_back(job);
  }
  if (!first)
    return;
  boost::asio::post(io_, [this] {
    std::vector<caf::resumable*> jobs;
    {
      std::lock_guard guard{mutex_};
      jobs.swap(foreign_);
    }
    ready_.insert(ready_.end(), jobs.begin(), jobs.end());
  });
}

void loop::send_later(caf::actor_clock::time_point when, caf::strong_actor_ptr receiver,
                      caf::mailbox_element_ptr content) {
  const bool first = delayed_.empty() || when < delayed_.begin()->first;
  delayed_.emplace(when, delayed{std::move(receiver), std::move(content)});
  if (first)
    arm();
}

/// Also takes back an earlier timer that has not fired.
void loop::arm() {
  timer_.expires_at(delayed_.begin()->first);
  timer_.async_wait([this](boost::system::error_code taken_back) {
    if (taken_back)
      return;
    const auto now = std::chrono::steady_clock::now();
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
      const auto due = delayed_.extract(delayed_.begin());
      due.mapped().receiver->enqueue(std::move(due.mapped().content), this);
    }
    if (!delayed_.empty())
      arm();
  });
}

void loop::start() {
  thread_ = std::thread([this] { run(); });
}

void loop::stop() {
  boost::asio::post(io_, [this] { stopping_ = true; });
  thread_.join();
}

void loop::bequeath(loop& heir) {
  std::vector<caf::resumable*> left;
  {
    const std::lock_guard guard{mutex_};
    heir_ = &heir;
    left.swap(foreign_);
  }
  left.insert(left.begin(), ready_.begin(), ready_.end());
  ready_.clear();
  for (caf::resumable* job : left)
    heir.enqueue_from_outside(job);
  boost::asio::post(heir.io_, [&heir, later = std::move(delayed_)]() mutable {
    for (auto& [when, what] : later)
      heir.send_later(when, std::move(what.receiver), std::move(what.content));
  });
}

void loop::run() {
  pthread_setname_np(pthread_self(), name_.c_str());
  t_current = this;
  auto guard = boost::asio::make_work_guard(io_);
  while (!stopping_)
    turn();
  for (int turns = 0; !ready_.empty() && turns < last_turns_max; ++turns)
    turn();
}

void loop::turn() {
  if (ready_.empty())
    io_.run_one();
  for (int handled = 0; handled < handlers_per_turn && io_.poll_one() > 0; ++handled) {
  }
  run_actors();
  if (ready_.empty() || ++turns_without_flush_ >= turns_without_flush_max)
    flush_dirty();
}

void loop::run_actors() {
  for (int ran = 0; ran < actors_per_turn && !ready_.empty(); ++ran) {
    caf::resumable* job = ready_.front();
    ready_.pop_front();
    switch (job->resume(this, messages_per_resume)) {
    case caf::resumable::resume_later:
      ready_.push_back(job);
      break;
    default:
      caf::intrusive_ptr_release(job);
    }
  }
}

void loop::flush_dirty() {
  turns_without_flush_ = 0;
  flushing_.swap(dirty_);
  for (flushable* who : flushing_)
    who->flush();
  flushing_.clear();
}

loop_group::loop_group(size_t count) {
  BROKER_ASSERT(count > 0, "no loop");
  for (size_t index = 0; index < count; ++index)
    loops_.push_back(std::make_unique<loop>(*this, "loop-" + std::to_string(index)));
}

loop_group::~loop_group() = default;

loop& loop_group::links() {
  if (!links_) {
    links_ = std::make_unique<loop>(*this, "cluster");
    if (system_ != nullptr)
      links_->attach(*system_);
  }
  return *links_;
}

void loop_group::stop_links() {
  links_->stop();
  while (links_->io().poll() > 0) { // its handlers hold actors, which must not outlive their system
  }
  links_->bequeath(*loops_[0]);
}

loop& loop_group::home(caf::resumable* job) {
  const auto kind = job->subtype();
  if (kind == caf::resumable::io_actor && links_)
    return *links_;
  if (kind == caf::resumable::function_object)
    return blocking_;
  if (loops_.size() == 1 || kind != caf::resumable::scheduled_actor)
    return *loops_[0];
  return *loops_[static_cast<caf::scheduled_actor*>(job)->id() % loops_.size()];
}

void loop_group::attach(caf::actor_system& system) {
  system_ = &system;
  if (links_)
    links_->attach(system);
  blocking_.attach(system);
  for (auto& each : loops_)
    each->attach(system);
}

void loop_group::start() {
  blocking_.start();
  for (auto& each : loops_)
    each->start();
}

void loop_group::stop() {
  blocking_.stop(); // what its actors have told the others at their end, these hear
  for (auto& each : loops_)
    each->stop();
  blocking_.delayed_.clear();
  for (auto& each : loops_)
    each->delayed_.clear();
  if (stopped_)
    stopped_();
}

void loop_clock::close() {
  const std::lock_guard hold{closing_};
  closed_ = true;
  cancel_dispatch_loop();
}

void loop_clock::schedule_message(time_point when, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) {
  if (loop* home = loop::current())
    return home->send_later(when, std::move(receiver), std::move(content));
  const std::lock_guard hold{closing_};
  if (!closed_)
    thread_safe_actor_clock::schedule_message(when, std::move(receiver), std::move(content));
}

void loop_clock::cancel_timeouts(caf::abstract_actor* self) {
  if (!closed_)
    thread_safe_actor_clock::cancel_timeouts(self);
}

loop_scheduler::loop_scheduler(caf::actor_system& system, loop_group& loops)
  : caf::scheduler::abstract_coordinator(system), loops_(loops) {
  loops_.attach(system);
}

std::function<caf::actor_system::module*(caf::actor_system&)> loop_scheduler::factory(loop_group& loops) {
  return
    [&loops](caf::actor_system& system) -> caf::actor_system::module* { return new loop_scheduler(system, loops); };
}

void loop_scheduler::start() {
  loops_.start();
  clock_thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "actor-clock");
    clock_.run_dispatch_loop();
  });
  caf::scheduler::abstract_coordinator::start();
}

void loop_scheduler::stop() {
  stop_actors();
  // CAF has sent its own actors their end by now. All ends run before the clock's: an actor that ends tells the clock,
  // whose short queue nobody would read any more.
  loops_.stop();
  clock_.close();
  clock_thread_.join();
}

void loop_scheduler::enqueue(caf::resumable* job) {
  loop& home = loops_.home(job);
  if (&home == t_current)
    home.enqueue(job);
  else
    home.enqueue_from_outside(job);
}

} // namespace broker
