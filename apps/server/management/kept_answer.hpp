// An answer that is good for a while: ten people who look every second ask once. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace broker::management {

template<class Answer>
class kept_answer {
public:
  using receiver = std::function<void(Answer)>;

  /// Gives what is kept if it was made less than `age_ms` ago; else what `ask` brings, which is not called while an
  /// answer is on its way already. `ask` hands over its answer through the function that it is given, once, on the
  /// owner's thread, and takes the time of that moment.
  void get(uint64_t now_ms, uint64_t age_ms, receiver then,
           const std::function<void(std::function<void(Answer, uint64_t now_ms)>)>& ask) {
    if (there_ && waiting_.empty() && now_ms < made_ms_ + age_ms)
      return then(kept_);
    waiting_.push_back(std::move(then));
    if (waiting_.size() > 1)
      return; // on its way
    ask([this](Answer made, uint64_t made_ms) {
      there_ = true;
      kept_ = std::move(made);
      made_ms_ = made_ms;
      for (auto& each : std::exchange(waiting_, {}))
        each(kept_);
    });
  }
  /// When the answer that is kept was made; 0 = there is none.
  uint64_t made_ms() const { return there_ ? made_ms_ : 0; }
  bool on_its_way() const { return !waiting_.empty(); }
  void forget() {
    there_ = false;
    kept_ = {};
  }

private:
  bool there_ = false;
  Answer kept_{};
  uint64_t made_ms_ = 0;
  std::vector<receiver> waiting_;
};

} // namespace broker::management
