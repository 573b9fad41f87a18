// Asks many queues for their reports, a slice at a time.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "report_gathering.hpp"

namespace broker {

/// One round of questions. A loop's actors have their turn in the order in which they became ready: whoever came behind
/// the reports of 100,000 queues would wait for all of them, so the next slice is asked when the one before has
/// answered. Kept alive by its own questions.
template<class Item>
class report_round : public std::enable_shared_from_this<report_round<Item>> {
public:
  /// Queues asked at once (own choice: a loop is busy with them for a millisecond or two).
  static constexpr size_t at_once = 256;
  using slice = std::shared_ptr<report_gathering<Item>>;

  struct ways {
    /// Asks one queue; its answer goes to the slice, whose last reference goes with the answer.
    std::function<void(queue_id, const slice&)> ask;
    /// Runs what it is given in a turn of its own.
    std::function<void(std::function<void()>)> post;
    std::function<void(std::vector<Item>)> take; ///< what a slice has answered
    std::function<void()> done;
  };

  report_round(std::vector<queue_id> queues, ways how) : queues_(std::move(queues)), how_(std::move(how)) {}

  /// The next slice; also begins.
  void next() {
    how_.post([self = this->shared_from_this()] { self->ask(); });
  }

private:
  void ask() {
    if (at_ == queues_.size())
      return how_.done();
    const auto asked =
      std::make_shared<report_gathering<Item>>([self = this->shared_from_this()](std::vector<Item> items) {
        self->how_.take(std::move(items));
        self->next();
      });
    for (size_t count = 0; count < at_once && at_ < queues_.size(); ++count)
      how_.ask(queues_[at_++], asked);
  }

  const std::vector<queue_id> queues_;
  const ways how_;
  size_t at_ = 0;
};

} // namespace broker
