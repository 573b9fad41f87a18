// Mistakes to plant: each breaks one promise on purpose, at a seam between the production parts, and a checker must
// notice (guarantees.md section 7). A checker that cannot fail proves nothing.
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

/// Every name that --plant takes.
std::vector<std::string> plant_names();
bool is_plant(std::string_view name);

/// The planted mistake of one run; "" plants nothing.
class plant {
public:
  plant(std::string name, random_source random) : name_(std::move(name)), random_(random) {}

  bool is(std::string_view name) const { return name_ == name; }
  /// The mistake is in front of the queues: keep() must be asked.
  bool is_request_mistake() const { return is("unacked-lost-on-channel-close") || is("leak-credit"); }

  /// skip-fsync, swallow-write-error: a disk that lies to the broker. Returns `disk` itself when nothing is planted.
  file_system& spoil(file_system& disk);
  /// ack-before-fsync, settle-one-too-many. Returns `store` itself when nothing is planted.
  message_store& spoil(message_store& store);
  /// unacked-lost-on-channel-close, leak-credit. False: the request gets lost on its way to the queue.
  bool keep(const queue_request& request);
  /// double-confirm, lose-confirm, forget-mandatory-return, fifo-broken-by-batch-split.
  void spoil(std::vector<outgoing>& items);

private:
  std::string name_;
  random_source random_;
  std::unique_ptr<file_system> disk_;
  std::unique_ptr<message_store> store_;
};

} // namespace broker::sim
