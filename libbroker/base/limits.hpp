// Every limit of the broker, in one place: name, unit, default and where the number comes from. A map, buffer, mailbox
// or table that can grow has its bound here (architecture.md D13, guarantees.md S7, S8, G9). Units last in the name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace broker::limits {

// -- before authentication (guarantees.md S7)
// ---------------------------------------------------------------------------

/// Frame size accepted before tune-ok (RabbitMQ 3.10-4.0: FRAME_MIN_SIZE 4096, features.md W06).
inline constexpr uint32_t handshake_frame_max_bytes = 4096;
/// Time from accept to connection.open-ok (rabbitmq.conf handshake_timeout).
inline constexpr uint32_t handshake_timeout_ms = 10'000;
/// Pause before a failed login is answered by closing the socket (rabbit_reader.erl, S4).
inline constexpr uint32_t login_failure_delay_ms = 3'000;
/// Read block of a connection that has not opened a vhost yet: one handshake frame and the start of the next.
inline constexpr size_t handshake_block_bytes = 2 * handshake_frame_max_bytes;

// -- negotiated (features.md W06, guarantees.md S8)
// ---------------------------------------------------------------------

inline constexpr uint32_t frame_max_bytes = 131'072;
/// Smallest frame_max a client may ask for (W06).
inline constexpr uint32_t frame_min_bytes = 4096;
/// RabbitMQ accepts payloads this much above frame_max (wire-reactions.md).
inline constexpr uint32_t frame_slack_bytes = 8;
inline constexpr uint16_t channel_max = 2047;
inline constexpr uint16_t heartbeat_s = 60;

// -- closing
// ------------------------------------------------------------------------------------------------------------

/// Time a client has to answer connection.close (rabbit_reader.erl CLOSING_TIMEOUT).
inline constexpr uint32_t closing_timeout_ms = 30'000;
/// Pause between connection.close and closing the socket when framing is lost (rabbit_reader.erl SILENT_CLOSE_DELAY).
inline constexpr uint32_t framing_lost_delay_ms = 3'000;
/// After close-ok the socket is the client's to close (wire-reactions.md); one that does not is closed after this.
inline constexpr uint32_t close_ok_linger_ms = 1'000;

// -- messages
// -----------------------------------------------------------------------------------------------------------

/// Largest message body (W70: 128 MiB in 3.10-3.13; hard cap 512 MiB).
inline constexpr uint64_t message_max_bytes = 134'217'728;
inline constexpr uint64_t message_hard_max_bytes = 536'870'912;
/// Nesting of tables and arrays inside a method or header (S8). RabbitMQ takes 10,000 (wire-reactions.md).
inline constexpr size_t table_depth_max = 16'384;
/// Nesting up to which a decoded table has decoded values; deeper ones are kept as bytes (field_table.hpp).
inline constexpr size_t table_decode_depth = 64;
/// Names of queues, exchanges, consumer tags, routing keys: an AMQP shortstr.
inline constexpr size_t name_max_bytes = 255;

// -- hot path (hotpath.md)
// ----------------------------------------------------------------------------------------------

/// Socket read block.
inline constexpr size_t read_block_bytes = 256 * 1024;
/// Encoded bytes handed to one socket write.
inline constexpr size_t write_chunk_bytes = 256 * 1024;
/// A session stops reading above this many unaccepted publish bytes and resumes below half (hotpath.md rule 4).
inline constexpr size_t session_inflight_bytes = 4 * 1024 * 1024;
/// Cost charged for one publish besides its raw bytes: entries in batches, queues and confirms.
inline constexpr size_t publish_overhead_bytes = 64;
/// Cost charged for one method other than publish and ack while it waits in its channel.
inline constexpr size_t method_overhead_bytes = 512;
/// Cost charged for one run of acks while it waits in its channel.
inline constexpr size_t ack_overhead_bytes = 32;
/// Content one connection may have begun and not finished, when its frames are interleaved or larger than a read block.
inline constexpr size_t unfinished_content_bytes = 536'870'912;
/// First block of such a content; it grows with what has arrived, not with what was announced.
inline constexpr size_t unfinished_content_first_bytes = 256 * 1024;
/// Encoded replies, returns and gets waiting for a client that does not read; above it its requests are not read
/// either.
inline constexpr size_t output_backlog_bytes = 4 * 1024 * 1024;
/// A connection silent for this long gives its buffers back.
inline constexpr uint32_t idle_buffers_ms = 1'000;
/// Delivered but unwritten bytes per consumer before the queue passes it by (rule 5).
inline constexpr size_t consumer_flow_bytes = 1024 * 1024;
/// Ready bytes of a queue with consumers above which publishers' credit is withheld (rule 4).
inline constexpr size_t queue_pace_bytes = 16 * 1024 * 1024;
/// Longest time credit may be withheld for a slow consumer without progress (rule 4).
inline constexpr uint32_t queue_pace_ms = 50;
/// Message bytes one queue keeps in memory before it pages the rest out (D12).
inline constexpr size_t queue_memory_bytes = 32 * 1024 * 1024;
/// Message bytes all queues of a node keep in memory; above it every queue keeps only its head (D12).
inline constexpr size_t node_memory_bytes = 128 * 1024 * 1024;
/// Messages read back from disk per request of a queue.
inline constexpr size_t page_in_bytes = 1024 * 1024;
/// Keys a queue that drops duplicates remembers beyond those of the messages it holds (x-deduplication-window, U11).
inline constexpr uint64_t deduplication_window = 10'000;
/// Keys such a queue remembers in all: beyond it the oldest are forgotten, even of messages it still holds.
inline constexpr uint64_t deduplication_keys_max = 1'000'000;
/// Longer keys are remembered by their SHA-256.
inline constexpr size_t deduplication_key_max_bytes = 255;

// -- dead letters (W52)
// -------------------------------------------------------------------------------------------------------

/// Dead letters of one queue that are on their way to other queues: messages and bytes. Beyond it expired messages wait
/// at the head and a queue may be longer than its limit.
inline constexpr size_t dead_letters_in_flight_max = 1024;
inline constexpr size_t dead_letters_in_flight_bytes = 4 * 1024 * 1024;
/// Bodies of dead letters one queue keeps in memory before it stops delivering: a consumer that rejects everything must
/// not be faster than the dead letters leave.
inline constexpr size_t dead_letter_memory_bytes = 16 * 1024 * 1024;
/// Until a dead letter that a target refused is tried again; doubled up to the second (strategy at-least-once).
inline constexpr uint32_t dead_letter_retry_ms = 1'000;
inline constexpr uint32_t dead_letter_retry_max_ms = 60'000;

// -- channel
// ------------------------------------------------------------------------------------------------------------

inline constexpr size_t consumers_per_channel_max = 10'000;
/// How long a delivery may stay unsettled (rabbitmq.conf consumer_timeout, features.md W58).
inline constexpr uint64_t consumer_timeout_ms = 1'800'000;
/// Longest such time: beyond it sums with a clock could overflow (own choice, about 8,900 years).
inline constexpr uint64_t consumer_timeout_max_ms = uint64_t{1} << 48;
/// How often a channel with unsettled deliveries looks for one beyond its timeout (RabbitMQ: channel_tick_interval).
inline constexpr uint64_t consumer_timeout_check_ms = 60'000;
/// Unsettled deliveries of one channel (AMQP prefetch 0 means unlimited; this is what unlimited means).
inline constexpr size_t unacked_per_channel_max = 50'000'000;
/// Direct replies a client has not read yet; beyond this they are dropped (W69 promises nothing).
inline constexpr size_t reply_backlog_bytes = 16 * 1024 * 1024;
/// Messages published in one open transaction.
inline constexpr size_t tx_publishes_max = 1'000'000;
/// Message bytes of one open transaction: their credit goes back at once, or the commit could never be read.
inline constexpr size_t tx_bytes_max = 256 * 1024 * 1024;
/// Bytes of methods and publishes a channel holds while one of its methods waits for the metadata store.
inline constexpr size_t channel_backlog_bytes = 8 * 1024 * 1024;

// -- node
// ---------------------------------------------------------------------------------------------------------------

/// Pause after accept fails for lack of descriptors or memory.
inline constexpr uint64_t accept_pause_ms = 100;
/// Half-open and open client connections; above it the listener stops accepting.
inline constexpr size_t connections_max = 65'536;
/// Proposals the metadata group has outstanding (consensus.md section 7).
inline constexpr size_t metadata_proposals_max = 4096;
/// Log entries after which the metadata group asks for a snapshot (bounds replay at start; own choice).
inline constexpr size_t metadata_snapshot_entries = 10'000;
/// Entries of the metadata's log that are applied at once, when many wait: some ten microseconds each.
inline constexpr size_t metadata_applied_at_once = 1'000;
/// Changes of the metadata that a node's actors are told of at once: starting a queue takes up to 100 microseconds.
inline constexpr size_t metadata_told_at_once = 200;
/// Delayed messages of one exchange that are due and wait to be read back; more stay where they wait.
inline constexpr size_t delayed_due_max = 4096;
/// Until a queue that has refused a delayed message is asked again.
inline constexpr uint64_t delayed_retry_ms = 1'000;
/// Longest sleep of an exchange with delayed messages: a wall clock that is set forward is noticed then.
inline constexpr uint32_t delayed_tick_max_ms = 60'000;
/// Longest delay of x-delayed-message (the plug-in's ERL_MAX_T, 49.7 days).
inline constexpr uint64_t message_delay_max_ms = 4'294'967'295;
/// Largest weight of a binding of x-consistent-hash; larger ones count as this (own choice: RabbitMQ makes as many
/// buckets).
inline constexpr uint64_t hash_weight_max = 1'000'000'000;
/// Failed logins per minute and address before further ones are refused unheard (S4).
inline constexpr size_t login_failures_per_minute_max = 10;
/// How long they are refused, and how long a failure counts (S4).
inline constexpr uint32_t login_refusal_ms = 60'000;
/// Addresses whose failed logins are remembered; beyond it the one that failed longest ago is forgotten.
inline constexpr size_t login_failure_addresses_max = 10'000;

// -- operators' texts
// ---------------------------------------------------------------------------------------------------

/// A permission's or policy's pattern compiles into at most this much memory; larger ones are refused (own choice,
/// RE2's own default is 8 MiB).
inline constexpr int64_t pattern_memory_bytes = 1 << 20;
/// Nesting of JSON from operators and files (S11).
inline constexpr size_t json_depth_max = 32;
/// JSON of one policy or parameter (own choice).
inline constexpr size_t definition_bytes_max = 1024 * 1024;
/// An exported definitions file (HTTP body limit of RabbitMQ's API, S11: 20 MB).
inline constexpr size_t definitions_bytes_max = 20'000'000;

// -- store (architecture.md D11)
// ----------------------------------------------------------------------------------------

inline constexpr size_t journal_segment_bytes = 64 * 1024 * 1024;
/// Spare preallocated segments kept for reuse.
inline constexpr size_t journal_spare_segments = 4;
/// Appends waiting for the journal writer, in bytes, before publishers stop being credited.
inline constexpr size_t journal_pending_bytes = 32 * 1024 * 1024;
/// Longest time a settle waits to be written, and between syncs in durability mode interval.
inline constexpr uint32_t journal_flush_interval_ms = 200;
/// Free space below which publishers are blocked (rabbitmq.conf disk_free_limit.absolute, G6).
inline constexpr uint64_t disk_free_limit_bytes = 50'000'000;
/// File given back to the disk when it runs low, so that what is drained can still be recorded (G6).
inline constexpr uint64_t ballast_bytes = 64 * 1024 * 1024;

// -- replication (docs/internals/replication.md)
// ------------------------------------------------------------------------------------------------------------------

/// Largest message between nodes (architecture.md D8); a larger one travels in parts of this size.
inline constexpr size_t peer_message_bytes = 1024 * 1024;
/// Largest run of entries, and most entries' bytes in one append: leaves room for heads below peer_message_bytes.
inline constexpr size_t replication_append_bytes = 768 * 1024;
/// Bytes sent to one mirror and not acknowledged; above it the mirror's sends wait (own choice: a gigabit for 30 ms).
inline constexpr size_t replication_window_bytes = 4 * 1024 * 1024;
/// Bytes of a copy that are on their way to one joiner.
inline constexpr size_t replication_copy_window_bytes = 2 * 1024 * 1024;
/// Committed bytes of one queue kept in memory for mirrors that are behind; none while the node's queues have more
/// than node_memory_bytes.
inline constexpr size_t replication_tail_bytes = 4 * 1024 * 1024;
/// What one queue's log knows of entries, their bodies left out: those that are not in memory are read back for a
/// mirror that is behind, so that it needs no copy, and a copy that has taken long can be gone on from. At some 130
/// bytes a run for 16,000 runs, each what one channel published at once.
inline constexpr size_t replication_described_bytes = 2 * 1024 * 1024;
/// All replicas of a node share this, though each has the least.
inline constexpr size_t replication_described_node_bytes = 64 * 1024 * 1024;
inline constexpr size_t replication_described_min_bytes = 16 * 1024;
/// Masterships a log tells apart; older ones are all committed.
inline constexpr size_t replication_epochs_max = 256;
/// Channels with a de-duplication entry in one queue; publishes of further ones are refused until some end.
inline constexpr size_t replication_channels_max = 65'536;
/// Without an ack for this long, with something to ack: the mirror is proposed for removal (R7).
inline constexpr uint32_t replication_slow_ms = 3'000;
/// A mirror that alone has not acknowledged what was logged this long ago is proposed for removal too, if two copies
/// stay in sync: confirms wait for it. With the time until the next tick, and the proposal, below a second.
inline constexpr uint32_t replication_behind_ms = 600;
/// Without an ack for this long: probe again; a proposal without outcome for this long: propose it again (T10, T14).
inline constexpr uint32_t replication_retry_ms = 1'000;
/// A mirror that was removed for being slow may return after this long, doubled each time up to the maximum (R7).
inline constexpr uint32_t replication_return_ms = 1'000;
inline constexpr uint32_t replication_return_max_ms = 60'000;
/// How long an idle master waits until it tells its mirrors of the last commit.
inline constexpr uint32_t replication_announce_ms = 200;
/// A node's session with the metadata group; a master delivers for this long after it last renewed it, less the margin.
inline constexpr uint32_t session_ms = 2'000;
inline constexpr uint32_t session_margin_ms = 250;
/// Proposals of the queue supervisor without outcome: a part of metadata_proposals_max, so that others get through.
inline constexpr size_t supervisor_proposals_max = 256;
/// Queues that the supervisor looks at in one step when a change of a node makes it look at all: about 10 ms.
inline constexpr size_t supervisor_walk_max = 5'000;
/// How long a node must be down before its copies are made anew elsewhere (own choice: a restart takes less).
inline constexpr uint32_t replication_restore_ms = 10'000;
/// Masters on the move at a time, to balance nodes or off a drained one (U05, own choice).
inline constexpr size_t master_moves_max = 4;
/// How long a master may take to hand over before another one is moved.
inline constexpr uint32_t master_move_ms = 10'000;
/// Between two looks for masters to move: each looks at every queue.
inline constexpr uint32_t master_rebalance_ms = 5'000;
/// Lines a second in a node's log about copies of queues that come and go (own choice; what is left out is counted).
inline constexpr size_t queue_news_per_s = 20;
/// A channel that has published nothing to a queue for this long is forgotten by it, if nobody has said that it has
/// ended. Far above any time for which a channel may send a publish again.
inline constexpr uint32_t replication_channel_idle_ms = 3'600'000;
/// Of such channels at once; the others follow a second later (each is an entry of the log).
inline constexpr size_t replication_forget_max = 1'000;
/// How long recovery after a loss of power waits for all listed replicas (R6, G10).
inline constexpr uint32_t recovery_grace_ms = 30'000;

} // namespace broker::limits
