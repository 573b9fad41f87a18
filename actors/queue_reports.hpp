// What operators are told of a queue by its actor (list_queues, list_consumers; features.md O06).
#pragma once

#include <functional>
#include <vector>

#include "actors/runtime.hpp"
#include "cluster/reports.hpp"
#include "metadata/snapshot.hpp"
#include "queue/queue_state.hpp"

namespace broker {

/// `rates`: of this queue, looked at by nobody else.
queue_report report_of(const queue_state& machine, queue_ptr record, count_rates& rates, uint64_t now_ms);
std::vector<consumer_report> report_consumers_of(const queue_state& machine, const queue_ptr& record);

/// Asks whoever answers for the queue. If it has no master that does, a copy on this node tells how many messages it
/// has. `answer` may run in any actor, and must only send or store; dropped unasked if the queue is gone.
void ask_for_report(runtime& node, queue_id id, std::function<void(queue_report)> answer);

} // namespace broker
