#include "net/login_guard.hpp"

#include <algorithm>

namespace broker {

bool login_guard::failed(const std::string& network, uint64_t now_ms) {
  std::lock_guard guard{mutex_};
  if (!records_.contains(network))
    make_room(now_ms);
  auto& one = records_[network];
  if (one.failures == 0 || now_ms >= one.since_ms + rules_.window_ms)
    one = {now_ms, 0};
  if (++one.failures != rules_.failures_max)
    return false;
  one.since_ms = now_ms;
  return true;
}

bool login_guard::refuses(std::string_view network, uint64_t now_ms) const {
  std::lock_guard guard{mutex_};
  const auto found = records_.find(network);
  return found != records_.end() && found->second.failures >= rules_.failures_max
      && now_ms < found->second.since_ms + rules_.window_ms;
}

void login_guard::make_room(uint64_t now_ms) {
  if (records_.size() < rules_.networks_max)
    return;
  std::erase_if(records_, [&](const auto& each) { return now_ms >= each.second.since_ms + rules_.window_ms; });
  if (records_.size() < rules_.networks_max)
    return;
  records_.erase(std::min_element(records_.begin(), records_.end(),
                                  [](const auto& a, const auto& b) { return a.second.since_ms < b.second.since_ms; }));
}

} // namespace broker
