// A thread that carries out orders one after the other. A node starts and stops its app on one (node_core.hpp).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace broker {

class order_thread {
public:
  /// `name` is what `ps -T` shows, at most 15 letters.
  explicit order_thread(const std::string& name);
  /// Stops.
  ~order_thread();
  order_thread(const order_thread&) = delete;
  order_thread& operator=(const order_thread&) = delete;

  /// Carried out after every order given before; dropped after stop(). Thread-safe.
  void post(std::function<void()> order);
  /// As post, and returns when it is done; false when it was dropped. Not from the thread itself.
  bool run(const std::function<void()>& order);
  /// Ends the thread when the orders given so far are done. May be repeated.
  void stop();

private:
  void work();

  std::mutex mutex_;
  std::condition_variable given_;
  std::deque<std::function<void()>> orders_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace broker
