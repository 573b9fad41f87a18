// Collects answers of many actors.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace broker {

/// Calls `done` when the last asker is gone, whether it answered or ended unasked.
template<class Item>
struct report_gathering {
  std::mutex mutex;
  std::vector<Item> items;
  std::function<void(std::vector<Item>)> done;

  explicit report_gathering(std::function<void(std::vector<Item>)> then) : done(std::move(then)) {}
  ~report_gathering() { done(std::move(items)); }
  report_gathering(const report_gathering&) = delete;
  report_gathering& operator=(const report_gathering&) = delete;
  void add(Item item) {
    std::lock_guard guard{mutex};
    items.push_back(std::move(item));
  }
};

} // namespace broker
