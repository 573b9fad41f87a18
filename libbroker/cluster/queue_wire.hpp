// What two nodes say to each other about queues: requests of channels of one node to queues of the other, and events
// the other way (docs/internals/across-nodes.md). Both directions of a pair of nodes use the same records.
//
// A frame is a run of records: a type octet, then fields. Integers are LEB128 varints, texts a varint length and their
// bytes, messages the journal's payload (model/message_payload.hpp). Ids of channels, consumers and reports are those
// of the node they belong to; which node that is follows from the record's type: requests name the sender's, events the
// receiver's. Bodies are copied once into the frame and once, all of a frame together, into the block that the decoded
// messages point into.
// Decoding is total: whatever arrives gives records or an error, allocates no more than a small multiple of what
// arrived (records of two octets are the worst: 200 times), and what it gives holds every promise of the protocol's
// types. Not thread-safe; no state between frames.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "channel/protocol.hpp"
#include "cluster/reports.hpp"

namespace broker::bridging {

using channel_key = uint64_t;  ///< channel_address::id on the channel's node
using consumer_key = uint64_t; ///< dense from 1 per session, given by the consumer's node
using report_key = uint64_t;   ///< of the asking node

// -- requests: from the node of the channel
// ---------------------------------------------------------------------------

/// Messages for one or more queues. Each record is taken over once (`taken`), counted from 0 per session.
struct publish {
  struct target {
    queue_id queue = 0;
    std::vector<slice> slices;      ///< rising, within the batch; never empty
    epoch mastership = 0;           ///< as of addressed_request
    std::optional<uint64_t> prev{}; ///< publish_origin::prev; none: these are never sent again
  };
  channel_key channel = 0;
  bool confirm = false;
  replication::channel_id publisher; ///< of the targets that have a `prev`
  batch_ref batch;                   ///< decoded: messages outside every target's slices are empty
  std::vector<target> targets;
};
/// What any target wants of the batch: disjoint, rising.
std::vector<slice> parts_of(const publish& what);
struct settle {
  settle_request::kind what = settle_request::kind::ack;
  channel_key channel = 0;
  queue_id queue = 0;
  consumer_key by = 0; ///< 0: fetched with basic.get
  std::vector<seq_range> seqs;
  epoch mastership = 0;
};
struct consume {
  consumer_key key = 0;
  channel_key channel = 0;
  channel_number channel_id = 0;
  connection_id connection = 0;
  queue_id queue = 0;
  std::string queue_name;
  std::string tag;
  bool no_ack = false;
  bool exclusive = false;
  bool windowed = false; ///< counts against the channel's prefetch window
  uint16_t prefetch = 0;
  int32_t priority = 0;
  amqp::field_table arguments;
  epoch mastership = 0;
};
struct cancel {
  consumer_key key = 0;
};
/// get, purge, status, delete and channel_gone, which are about a channel and a queue.
struct ask {
  enum class kind : uint8_t { get, purge, status, erase, gone };
  kind what = kind::status;
  channel_key channel = 0;
  queue_id queue = 0;
  bool no_ack = false;    ///< get
  bool if_unused = false; ///< erase
  bool if_empty = false;  ///< erase
  epoch mastership = 0;
  question_number question = 0;        ///< all but gone
  replication::channel_id publisher{}; ///< gone
};
/// So many more bytes of this consumer's deliveries have been written to its client.
struct written {
  consumer_key key = 0;
  uint64_t bytes = 0;
};
/// The channel's window lends the other node so many places. A tight loan is to be given back when it is not needed.
struct lend {
  channel_key channel = 0;
  uint32_t places = 0;
  bool tight = false;
};
/// Give back what is not used.
struct recall {
  channel_key channel = 0;
};
/// Nothing more about this consumer comes.
struct forget {
  consumer_key key = 0;
};
/// The channel has ended.
struct channel_ended {
  channel_key channel = 0;
};
struct reply {
  channel_key to = 0; ///< of the receiver's node
  std::string address;
  batch_ref batch;
  slice where;
};
struct report_ask {
  report_key key = 0;
  queue_id queue = 0;
  bool consumers = false; ///< else the queue's counts
};

// -- events: from the node of the queue
// -------------------------------------------------------------------------------

/// Publish records [first, last) have been taken over: their publishers get their credit back.
struct taken {
  seq_range records;
};
struct delivery {
  consumer_key key = 0;
  stored_run run;
  bool redelivered = false;
  uint64_t bytes = 0;
};
struct answer {
  /// gone: the queue is not known there (any more); moved: queue_missing::moved; elsewhere: it has no master there.
  enum class kind : uint8_t { purged, status, checked, missing, gone, moved, elsewhere };
  kind what = kind::missing;
  channel_key channel = 0;
  queue_id queue = 0;
  uint32_t messages = 0;        ///< purged, status, checked
  uint32_t consumers = 0;       ///< status
  std::optional<error> refused; ///< checked
  epoch mastership = 0;         ///< of the master that answers
  question_number question = 0; ///< purged, status, checked
};
struct confirms {
  channel_key channel = 0;
  queue_id queue = 0;
  seq_range numbers;
  bool rejected = false;
};
struct fetched {
  channel_key channel = 0;
  queue_id queue = 0;
  stored_run run; ///< one message, or none: the queue was empty
  bool redelivered = false;
  bool no_ack = false;
  uint32_t messages_left = 0;
  epoch mastership = 0;
  question_number question = 0;
};
struct consumer_event {
  /// forgotten: nothing more is under way to it, after `forget` or its channel's `gone`; of windowed ones only.
  enum class kind : uint8_t { begun, refused, cancel_done, cancelled, moved, forgotten };
  kind what = kind::begun;
  consumer_key key = 0;
  error why; ///< refused
};
/// A queue could hand out so many messages more if the channel's window had places.
struct want {
  channel_key channel = 0;
  uint32_t places = 0;
};
/// Places that were lent and not used.
struct returned {
  channel_key channel = 0;
  uint32_t places = 0;
};
/// Without content: the queue is not there.
struct report_answer {
  report_key key = 0;
  std::optional<queue_report> queue;                     ///< without its record
  std::optional<std::vector<consumer_report>> consumers; ///< without their queue's record
};

/// publish_gap.
struct gap {
  channel_key channel = 0;
  queue_id queue = 0;
  uint64_t last_number = 0;
  epoch mastership = 0;
};

using record =
  std::variant<publish, settle, consume, cancel, ask, written, lend, recall, forget, channel_ended, reply, report_ask,
               taken, delivery, answer, confirms, fetched, consumer_event, want, returned, report_answer, gap>;

/// Appends `what` to a frame. A publish must have at least one target; its message indices may have gaps of at most
/// gap_max in front of each message that is sent.
void encode(const record& what, std::string& frame);
inline constexpr uint32_t gap_max = 8;

/// Error: not a frame of this version; nothing it says is to be believed.
result<std::vector<record>> decode(std::string_view frame);

} // namespace broker::bridging
