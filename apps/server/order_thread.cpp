#include "order_thread.hpp"

#include <pthread.h>

#include <future>
#include <memory>

namespace broker {

order_thread::order_thread(const std::string& name)
  : thread_([this, name] {
      pthread_setname_np(pthread_self(), name.c_str());
      work();
    }) {}

order_thread::~order_thread() {
  stop();
}

void order_thread::post(std::function<void()> order) {
  std::lock_guard guard{mutex_};
  if (stopping_)
    return;
  orders_.push_back(std::move(order));
  given_.notify_one();
}

bool order_thread::run(const std::function<void()>& order) {
  auto done = std::make_shared<std::promise<bool>>(); // orders given before stop() are carried out
  auto answer = done->get_future();
  {
    std::lock_guard guard{mutex_};
    if (stopping_)
      return false;
    orders_.push_back([order, done] {
      order();
      done->set_value(true);
    });
    given_.notify_one();
  }
  return answer.get();
}

void order_thread::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    given_.notify_one();
  }
  if (thread_.joinable())
    thread_.join();
}

void order_thread::work() {
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock guard{mutex_};
      given_.wait(guard, [this] { return stopping_ || !orders_.empty(); });
      if (orders_.empty())
        return;
      next = std::move(orders_.front());
      orders_.pop_front();
    }
    next();
  }
}

} // namespace broker
