// Mistakes to plant: each breaks one promise on purpose, at a seam between the production parts, and a checker must
// notice (guarantees.md section 7). A checker that cannot fail proves nothing. Those of queues: queue_plants.hpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "channel/protocol.hpp"
#include "ports/file_system.hpp"
#include "ports/message_store.hpp"

namespace broker::sim {

/// How often an occasional mistake happens: one in this many.
inline constexpr uint64_t rarely = 50;

/// Every name that --plant takes.
std::vector<std::string> plant_names();
/// Those that need several nodes (link_plants.hpp, queue_plants.hpp).
std::vector<std::string> cluster_plant_names();
bool is_plant(std::string_view name);

/// The planted mistake of one run; "" plants nothing.
class plant {
public:
  plant(std::string name, random_source random) : name_(std::move(name)), random_(random) {}

  bool is(std::string_view name) const { return name_ == name; }
  /// One in so many, for mistakes that happen now and then.
  bool happens(uint64_t one_in) { return random_.chance(1, one_in); }

  /// skip-fsync, swallow-write-error: a disk that lies to the broker. Returns `disk` itself when nothing is planted.
  file_system& spoil(file_system& disk);
  /// skip-metadata-fsync: the same below the metadata of a member of a cluster.
  file_system& spoil_metadata(file_system& disk);
  /// ack-before-fsync, settle-one-too-many. Returns `store` itself when nothing is planted.
  message_store& spoil(message_store& store);
  /// double-confirm, lose-confirm, forget-mandatory-return, fifo-broken-by-batch-split, drop-newest (its second half).
  void spoil(std::vector<outgoing>& items);

private:
  std::string name_;
  random_source random_;
  std::unique_ptr<file_system> disk_;
  std::unique_ptr<file_system> metadata_disk_;
  std::unique_ptr<message_store> store_;
};

} // namespace broker::sim
