// Samples of single queues, channels, connections and exchanges (lengths_age, msg_rates_age, data_rates_age and their
// _incr; features.md O21, O22): what a node keeps of its own objects, and how nodes tell each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control_message.hpp"
#include "management/exchange_stats.hpp"
#include "management/history.hpp"
#include "management/json_writer.hpp"
#include "management/sample_log.hpp"
#include "net/http/url.hpp"

namespace broker::management {

/// In so many intervals a node with so many queues is sampled once: asking eight thousand takes it forty milliseconds
/// of a processor, and that is to be a hundredth of one at most.
constexpr uint64_t intervals_for(uint64_t queues) {
  return 1 + queues / 8'000;
}

enum class sampled_kind : uint8_t { queue, channel, connection, exchange };

/// Which samples a GET wants.
struct sample_ranges {
  sample_range lengths;    ///< messages that wait
  sample_range msg_rates;  ///< message_stats
  sample_range data_rates; ///< bytes of connections
  sample_range node_stats;
};

/// Nothing: ages that make no sense, with RabbitMQ's words for a 400 in `why`.
std::optional<sample_ranges> ranges_of(const http::target& asked, std::string& why);
/// Does an object of this kind have samples that are asked for?
bool wants_samples(const sample_ranges& asked, sampled_kind kind);

/// Of how many objects a list has samples: the first of those that it shows. Own choice.
inline constexpr size_t listed_objects_max = 500;
/// Of all objects of a list together.
inline constexpr size_t listed_samples_max = 250'000;
size_t listed_objects(const sample_ranges& asked, sampled_kind kind);

// -- what an object is called between nodes --
std::string key_of_queue(queue_id id);
std::string key_of_channel(connection_id connection, channel_number channel);
std::string key_of_connection(connection_id id);
std::string key_of_exchange(const std::string& vhost, const std::string& name);

/// Adds up what nodes say of the same object.
void add_up(named_samples& sum, named_samples&& more);
/// Puts samples into an object that is ready JSON.
std::string with_samples(const std::string& object, const named_samples& samples);

/// Bytes that a connection has received and sent.
struct connection_traffic {
  connection_id connection = 0;
  uint64_t received = 0;
  uint64_t sent = 0;
};

/// What one node knows of its own objects. Connections have to be asked for it: where they are many, those are sampled
/// that somebody wants to see. Not thread-safe.
class sample_store {
public:
  // -- for all rings of a kind, in bytes; own choice --
  static constexpr size_t queue_rings_max_bytes = size_t{64} * 1024 * 1024;
  static constexpr size_t other_rings_max_bytes = size_t{16} * 1024 * 1024;
  static constexpr size_t connections_max = 4'096; ///< that somebody wants to see
  static constexpr size_t few_connections = 512;   ///< so many are sampled always

  void add(uint64_t now_s, const std::vector<queue_activity>& all);
  void add(uint64_t now_s, const std::vector<channel_activity>& all);
  void add(uint64_t now_s, const exchange_map& all);
  /// All of this node's; of too many, those are kept that somebody asks for.
  void add(uint64_t now_s, const std::vector<connection_traffic>& all);
  /// Are connections to be asked, if there are so many?
  bool samples_connections(uint64_t now_s, size_t count) const {
    return count <= few_connections || now_s < connections_asked_s_ + sampled_objects::asked_for_s;
  }
  /// Begins with samples of a connection.
  void begin(uint64_t now_s, const connection_traffic& one);

  /// Of an object that is not known all are 0, as far as this node has samples at all.
  named_samples samples(sampled_kind kind, const std::string& key, const sample_ranges& asked, uint64_t now_s);
  bool knows_connection(connection_id id) const;

private:
  sampled_objects& of(sampled_kind kind);
  sampled_objects queues_{queue_rings_max_bytes};
  sampled_objects channels_{other_rings_max_bytes};
  sampled_objects connections_{other_rings_max_bytes};
  sampled_objects exchanges_{other_rings_max_bytes};
  uint64_t sampled_s_ = 0; ///< the last round
  uint64_t connections_asked_s_ = 0;
};

// -- between nodes: verb management_report samples --
std::vector<std::string> samples_question(sampled_kind kind, const sample_ranges& asked,
                                          const std::vector<std::string>& keys);
struct samples_wanted {
  sampled_kind kind;
  sample_ranges asked;
  std::vector<std::string> keys;
};
/// Nothing: it is no such question.
std::optional<samples_wanted> samples_wanted_in(const std::vector<std::string>& question);
control::response to_response(const std::vector<named_samples>& all);
/// As many as keys were asked for; a row that makes no sense is left out.
std::vector<named_samples> samples_in(const control::response& answer, size_t keys);

} // namespace broker::management
