// Loops (architecture.md D3, hotpath.md rule 1): a loop is one thread with one io_context and one CAF run queue.
// Sockets and actors share it, so a message from a session to its channel to a queue crosses no thread.
//
// Each turn: wait for a handler when there is nothing to run, a bounded number of further ready handlers, a bounded
// number of actors, then the flush of the sessions that have something to write. Actors are pinned to a loop by id, so
// that every sender reaches a receiver by one path only and nothing is overtaken.
//
// The connections to other nodes have a loop of their own, and the actors that serve them (link_actor) run there: bytes
// from another node cross threads once, to the service they are for. Actors that may block (blocking_calls_actor) have
// another one, without sockets.
//
// What an actor sends later waits on the loop that runs it: a timer wakes the thread that has something to do, and no
// other.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

namespace broker {

/// Something with output to flush at the end of a turn; sessions.
class flushable {
public:
  virtual void flush() = 0;

protected:
  ~flushable() = default;
};

class loop_group;

class loop final : public caf::execution_unit {
public:
  /// `name`: of its thread.
  loop(loop_group& group, std::string name) : group_(group), name_(std::move(name)) {}

  boost::asio::io_context& io() { return io_; }
  /// True on this loop's thread.
  bool is_current() const noexcept { return current() == this; }
  /// The calling thread's loop, or null.
  static loop* current() noexcept;

  /// Flushes `who` at the end of this turn. On this loop's thread only; `who` keeps itself alive until then.
  void flush_later(flushable& who) { dirty_.push_back(&who); }

  void attach(caf::actor_system& system) { system_ = &system; }
  void exec_later(caf::resumable* job) override;
  /// On this loop's thread only. Dropped when the loop ends before.
  void send_later(caf::actor_clock::time_point when, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content);

  void start();
  /// Ends the thread once the actors that are ready have run; sockets and later jobs are dropped.
  void stop();
  /// Stopped before the others: what its actors have still to do, now or later, they do on `heir`.
  void bequeath(loop& heir);

private:
  friend class loop_group;
  friend class loop_scheduler;
  void run();
  void turn();
  void run_actors();
  void flush_dirty();
  void enqueue(caf::resumable* job);
  void enqueue_from_outside(caf::resumable* job);
  void arm();

  struct delayed {
    caf::strong_actor_ptr receiver;
    caf::mailbox_element_ptr content;
  };

  loop_group& group_;
  const std::string name_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_}; ///< for the first of delayed_
  std::multimap<caf::actor_clock::time_point, delayed> delayed_;
  std::deque<caf::resumable*> ready_;
  std::vector<flushable*> dirty_;
  std::vector<flushable*> flushing_;
  int turns_without_flush_ = 0;
  std::mutex mutex_; ///< guards foreign_ and heir_
  std::vector<caf::resumable*> foreign_;
  loop* heir_ = nullptr;
  std::thread thread_;
  bool stopping_ = false;
};

/// All loops of the process. Created before the actor_system, destroyed after it.
class loop_group {
public:
  explicit loop_group(size_t count);
  ~loop_group();

  size_t size() const { return loops_.size(); }
  loop& at(size_t index) { return *loops_[index]; }
  /// The loop a new connection goes to: round robin.
  loop& next() { return *loops_[next_++ % loops_.size()]; }
  /// The loop of connections to other nodes; made by the first call, which comes before the first link_actor. It is
  /// started and stopped by whoever serves them. Not thread-safe.
  loop& links();
  /// Ends it. Its actors may still have something to do, so this comes before stop().
  void stop_links();
  /// Where this job always runs.
  loop& home(caf::resumable* job);
  void attach(caf::actor_system& system);
  void start();
  void stop();
  /// Called on the stopping thread when every loop has ended: what their actors have read until then may be dropped.
  void when_stopped(std::function<void()> then) { stopped_ = std::move(then); }

private:
  std::vector<std::unique_ptr<loop>> loops_;
  loop blocking_{*this, "metadata"}; ///< of actors that may block
  std::unique_ptr<loop> links_;
  caf::actor_system* system_ = nullptr;
  std::function<void()> stopped_;
  size_t next_ = 0;
};

/// The actors' clock, for those that run on no loop. Once it is closed nobody reads its bounded queue any more, so what
/// comes then is dropped: a delayed message that an actor on a thread of its own sends itself at the end would hold the
/// actor, and its thread, for ever; and an actor that was never told to end takes its timeouts back when it is
/// destroyed, on the clock's own thread, when the last reference was a delayed message dropped at the end.
class loop_clock final : public caf::detail::thread_safe_actor_clock {
public:
  /// Ends the dispatch loop; pending messages are dropped. Thread-safe.
  void close();
  using thread_safe_actor_clock::schedule_message;
  void schedule_message(time_point when, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override;
  void cancel_timeouts(caf::abstract_actor* self) override;

private:
  std::mutex closing_; ///< so that no message comes behind the end
  std::atomic<bool> closed_{false};
};

/// CAF scheduler module without threads of its own: actors run on the loops, which start and stop with it. Its clock
/// has a thread.
class loop_scheduler final : public caf::scheduler::abstract_coordinator {
public:
  loop_scheduler(caf::actor_system& system, loop_group& loops);

  /// Factory for actor_system_config::module_factories.
  static std::function<caf::actor_system::module*(caf::actor_system&)> factory(loop_group& loops);

  void start() override;
  void stop() override;
  bool detaches_utility_actors() const override { return true; }
  caf::actor_clock& clock() noexcept override { return clock_; }
  void enqueue(caf::resumable* job) override;

private:
  loop_group& loops_;
  loop_clock clock_;
  std::thread clock_thread_;
};

} // namespace broker
