// What was published to a node's exchanges, in all (features.md O22).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex> // layers: shared by channels of several threads and those who look; once per channel and exchange
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/exchange_counts.hpp"

namespace broker {

struct exchange_report {
  std::string vhost;
  std::string name;
  exchange_counts counts; ///< since the node has started or the exchange was declared
};

/// Thread-safe. Bounded by the exchanges there are, as long as somebody reads now and then, and by
/// route_cache::slots_max counters of each channel.
class exchange_totals final : public exchange_board {
public:
  using exists_function = std::function<bool(const std::string& vhost, const std::string& name)>;

  std::shared_ptr<exchange_counter> open(std::string_view vhost, std::string_view exchange) override;
  void add(std::string_view vhost, std::string_view exchange, exchange_counts more) override;
  /// Of every exchange that was published to and is still there; the others are forgotten, so that one which is
  /// declared again afterwards begins at 0.
  std::vector<exchange_report> read(const exists_function& exists);

private:
  class open_counter;
  struct entry {
    std::mutex mutex;
    exchange_counts ended;           ///< of channels that publish to it no more
    std::vector<open_counter*> open; ///< each knows its place
  };
  std::shared_ptr<entry> find(std::string_view vhost, std::string_view exchange);
  static exchange_counts sum_of(entry& one);
  static void forget(entry& one);

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<entry>> entries_;
};

} // namespace broker
