// What a connection has to write: kept as runs, encoded late, one chunk at a time (hotpath.md rules 5 and 9), so that a
// slow client costs no encoded bytes. A delivery is a prefix and one copy of the message's frames with the channel
// number patched in; frames larger than this client's frame_max are cut again.
//
// Invariant: of every pushed delivery's flow_bytes exactly as much has been subtracted from its consumer as was added,
// once its last message is written.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "channel/protocol.hpp"

namespace broker {

/// Not thread-safe.
class output_queue {
public:
  /// Frame size agreed with the client, frame overhead included.
  void set_frame_max(size_t frame_max) { frame_max_ = frame_max; }
  /// Kinds bytes, deliver and content.
  void push(outgoing item);
  void push_bytes(std::string_view frames);

  /// Bytes to write now; encodes the next chunk when the last one is written. Empty: nothing to write.
  std::string_view chunk();
  /// `count` bytes of chunk() were written. Consumers that were starved and have room again are appended to `writable`.
  void wrote(size_t count, std::vector<consumer_ref>& writable);

  /// Forgets messages that are not encoded yet, even the rest of one; replies stay.
  void drop_content();
  bool empty() const { return pending_.empty() && written_ == buffer_.size(); }
  /// Unwritten bytes of all kinds but deliveries, which are bounded by their consumers' flow.
  size_t backlog() const { return backlog_; }
  void release_if_empty();
  bool holds_buffer() const { return buffer_.capacity() > 0; }

private:
  /// How much of the message at the head of pending_ is encoded: messages larger than a chunk go out frame by frame.
  struct cursor {
    bool begun = false;
    size_t raw = 0;   ///< bytes of message::raw done
    size_t frame = 0; ///< payload bytes done of a body frame that is being cut
  };
  struct flow {
    consumer_ref who;
    size_t bytes;
  };

  void encode_chunk();
  bool encode(outgoing& item);
  bool encode_deliveries(outgoing& item);
  bool encode_message(channel_number channel, const message& what);
  void encode_frame_part(channel_number channel, const message& what);
  void put_deliver(const outgoing& item, const message& what);
  void charge(outgoing& item, uint32_t had);
  void retire_head();

  size_t frame_max_ = 0;
  std::deque<outgoing> pending_;
  cursor cursor_;
  byte_buffer buffer_;
  size_t written_ = 0;
  size_t backlog_ = 0;
  std::vector<flow> in_chunk_; ///< to subtract when the chunk is written
};

} // namespace broker
