// Which other nodes this one cannot reach: what channels ask before they use a queue that lives elsewhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace broker {

/// Thread-safe. A node is down from the end of its session to the next one; a mere break of the connection, within
/// which nothing is lost, is not "down".
class node_reachability {
public:
  virtual ~node_reachability() = default;
  /// This node is never down.
  virtual bool is_down(std::string_view node) const = 0;
  /// The others that are not down, by name; without those that are drained (O10), which take no queues.
  virtual std::vector<std::string> reachable() const = 0;

  /// Rises with every change; caches compare it. Never 0.
  uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  /// False: is_down() is false for every node that has been heard of.
  bool any_down() const noexcept { return any_down_.load(std::memory_order_acquire); }

protected:
  void changed(bool any_down) noexcept {
    any_down_.store(any_down, std::memory_order_release);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }

private:
  std::atomic<uint64_t> version_{1};
  std::atomic<bool> any_down_{false};
};

} // namespace broker
