// The part of the metadata actor's work that is about replicated queues: which have a replica on this node, where their
// masters are, and who must hear that one has moved. Internal to actors/metadata*.cpp; runs in that actor.
#pragma once

#include <map>
#include <vector>

#include "actors/metadata_work.hpp"

namespace broker {

/// The queue is replicated as of this record: its replica on this node is started if there is to be one and is none, or
/// ended if there is to be none; the directory has its master. Before the snapshot that names it, if there is one.
void put_replicated_queue(caf::actor_system& system, metadata_service& service, const queue_ptr& record,
                          std::vector<queue_move>& moved);

/// The queue is deleted.
void end_replicated_queue(metadata_service& service, const queue_ptr& record);

/// After the snapshot: the queue's replica looks at what has changed of it.
void show_replica(const runtime& node, const metadata_change& change);

/// After the snapshot: channels and queues of this node that use them hear of it.
void tell_moved(const runtime& node, const std::vector<queue_move>& moved);

/// At every tick; once per limits::replication_channel_idle_ms replicas of this node look for channels that have gone.
void forget_idle_channels(metadata_service& service, uint64_t now_ms);

/// After the snapshot, of which `before` is the one before: what operators want to know goes to the log. Masters and
/// copies are told of by the node whose masters they are. `last`: as the queues were when they were told of last.
void tell_news(metadata_service& service, const metadata_snapshot& before, const metadata_change& change,
               std::map<queue_id, queue_ptr>& last);
/// Likewise; queues without a master are told of by the node whose metadata leads. In how many parts it is to look for
/// them among all queues, a fraction of a millisecond each; 0: nobody has lost one.
size_t parts_with_lost_masters(const metadata_service& service, const std::vector<metadata_change>& changes);
void tell_lost_masters(metadata_service& service, const metadata_snapshot& before, size_t part, size_t parts);
/// How many lines were too many to be written, if some were.
void tell_left_out(metadata_service& service);

/// Replicas of this node must empty their logs: it takes a new session (T19). At most once per
/// limits::replication_retry_ms, so that those that notice it together do it together.
bool wants_session(metadata_service& service, uint64_t now_ms);

} // namespace broker
