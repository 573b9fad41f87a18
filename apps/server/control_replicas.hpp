// Who holds copies of a queue, as tools show it (features.md S20, O05, O09): the placement in the words of RabbitMQ's
// mirrored and quorum queues. A queue that is not replicated has one copy.
#pragma once

#include <string>
#include <vector>

#include "metadata/snapshot.hpp"

namespace broker {

struct queue_replicas {
  std::string master;
  std::vector<std::string> members; ///< the master first, then in order of preference
  std::vector<std::string> running; ///< of the members
  std::vector<std::string> in_sync; ///< of the running ones: they have everything that is confirmed
  uint32_t min_in_sync = 1;

  bool has_member(const std::string& node) const;
};
queue_replicas replicas_of(const queue_record& queue, const metadata_snapshot& in);

bool is_quorum(const queue_record& queue);
/// A classic queue that a policy mirrors (RabbitMQ: also while there is no mirror).
bool is_mirrored(const queue_record& queue);

/// Would the queue take no publishes any more if `node` stopped now? True also of one that takes none already and has
/// its last members there.
bool is_quorum_critical(const queue_replicas& queue, const std::string& node);

} // namespace broker
