// How fast messages go through exchanges (features.md O16, O22): each node says what was published to them there; a
// list adds that up.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/exchange_totals.hpp"
#include "control_message.hpp"
#include "management/json_writer.hpp"

namespace broker::management {

struct exchange_figures {
  exchange_counts counts;
  double in_rate = 0; ///< per second
  double out_rate = 0;
  exchange_figures& operator+=(const exchange_figures& more);
};

/// By vhost and name; those that nobody has published to are missing.
using exchange_map = std::map<std::pair<std::string, std::string>, exchange_figures>;
using exchange_map_ptr = std::shared_ptr<const exchange_map>;

/// Rates of one node's exchanges: over the time between the last two looks at least count_rates::interval_ms apart. The
/// first look at an exchange shows 0. Not thread-safe.
class exchange_looks {
public:
  exchange_map look(const std::vector<exchange_report>& now, uint64_t now_ms);

private:
  struct last_look {
    exchange_counts counts;
    uint64_t at_ms = 0;
    double in_rate = 0;
    double out_rate = 0;
  };
  std::map<std::pair<std::string, std::string>, last_look> known_;
};

/// Between nodes: verb management_report exchanges. A row that makes no sense is left out.
control::response to_response(const exchange_map& from);
void add_response(exchange_map& to, const control::response& answer);

/// "message_stats" with publish_in and publish_out; nothing for an exchange that nobody has published to, as RabbitMQ
/// does.
void write_exchange_stats(object_writer& to, const exchange_map& from, const std::string& vhost,
                          const std::string& name);

} // namespace broker::management
