#include "actors/exchange_totals.hpp"

namespace broker {

/// Hands what it has counted over when its channel lets it go.
class exchange_totals::open_counter final : public exchange_counter {
public:
  open_counter(std::shared_ptr<entry> of, std::string_view exchange)
    : exchange_counter(exchange), entry_(std::move(of)) {
    const std::lock_guard guard{entry_->mutex};
    place_ = entry_->open.size();
    entry_->open.push_back(this);
  }

  ~open_counter() override {
    const std::lock_guard guard{entry_->mutex};
    entry_->ended += read();
    open_counter* const last = entry_->open.back();
    entry_->open[place_] = last;
    last->place_ = place_;
    entry_->open.pop_back();
  }

private:
  const std::shared_ptr<entry> entry_;
  size_t place_ = 0; ///< in entry::open, under its lock
};

std::shared_ptr<exchange_totals::entry> exchange_totals::find(std::string_view vhost, std::string_view exchange) {
  const std::lock_guard guard{mutex_};
  auto& found = entries_[{std::string{vhost}, std::string{exchange}}];
  if (!found)
    found = std::make_shared<entry>();
  return found;
}

std::shared_ptr<exchange_counter> exchange_totals::open(std::string_view vhost, std::string_view exchange) {
  return std::make_shared<open_counter>(find(vhost, exchange), exchange);
}

void exchange_totals::add(std::string_view vhost, std::string_view exchange, exchange_counts more) {
  const auto to = find(vhost, exchange);
  const std::lock_guard guard{to->mutex};
  to->ended += more;
}

exchange_counts exchange_totals::sum_of(entry& one) {
  const std::lock_guard guard{one.mutex};
  exchange_counts sum = one.ended;
  for (const open_counter* each : one.open)
    sum += each->read();
  return sum;
}

void exchange_totals::forget(entry& one) {
  const std::lock_guard guard{one.mutex};
  for (open_counter* each : one.open)
    each->forget();
}

std::vector<exchange_report> exchange_totals::read(const exists_function& exists) {
  std::vector<exchange_report> all;
  const std::lock_guard guard{mutex_};
  all.reserve(entries_.size());
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto& [vhost, name] = at->first;
    if (exists(vhost, name)) {
      all.push_back({vhost, name, sum_of(*at->second)});
      ++at;
    } else {
      forget(*at->second);
      at = entries_.erase(at);
    }
  }
  return all;
}

} // namespace broker
