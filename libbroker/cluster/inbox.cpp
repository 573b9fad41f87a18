#include "cluster/inbox.hpp"

#include "cluster/outbox.hpp"
#include "cluster/plant.hpp"

namespace broker::cluster {

namespace {

error wrong(const data_frame& part, const std::string& what) {
  return error{0, "part " + std::to_string(part.seq) + " of service "
                    + std::to_string(static_cast<unsigned>(part.service)) + " " + what};
}

} // namespace

void inbox::reset() {
  received_ = begun_ = handled_ = bytes_since_told_ = total_ = 0;
  told_ = {};
  unfinished_.reset();
}

result<std::optional<std::string>> inbox::take(const data_frame& part) {
  if (part.seq <= received_ && !planted(plant::repeated_part_taken))
    return std::optional<std::string>{};
  if (part.seq > received_ + 1 && !planted(plant::skipped_part_taken))
    return wrong(part, "came after part " + std::to_string(received_));
  if (part.first != !unfinished_)
    return wrong(part, part.first ? "begins a payload within another" : "belongs to no payload");
  if (part.first) {
    if (held_bytes() != 0 && held_bytes() + window_cost(part.total) > window_)
      return wrong(part, "ignores the window of " + std::to_string(window_) + " bytes");
    unfinished_.emplace();
    total_ = part.total;
    begun_ += window_cost(total_);
  }
  if (part.bytes.size() > total_ - unfinished_->size()
      || part.last != (part.bytes.size() == total_ - unfinished_->size()))
    return wrong(part, "does not fit its payload of " + std::to_string(total_) + " bytes");
  // Grows with what has arrived, not with what was announced.
  unfinished_->append(part.bytes);
  received_ = part.seq;
  bytes_since_told_ += part.bytes.size();
  if (!part.last)
    return std::optional<std::string>{};
  return std::exchange(unfinished_, std::nullopt);
}

void inbox::handled(uint64_t cost) {
  BROKER_ASSERT(cost <= begun_ - handled_, "more was handled than had come");
  handled_ += cost;
}

bool inbox::much_untold() const {
  return handled_ - told_.handled >= window_ / 8 || (received_ != told_.received && bytes_since_told_ >= window_ / 4);
}

} // namespace broker::cluster
