// Messages between replicas as bytes: u32 size of the head, head (Protobuf, proto/replication.proto), then names and
// raw bytes of every message it carries. Bodies are never copied by the sender, which gathers slices, nor by the
// receiver, whose batches point into the block the bytes arrived in. What travels is parts of at most
// limits::peer_message_bytes (architecture.md D8); only a single message larger than that needs more than one. Parts of
// one sender and queue arrive in order or are lost with the connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "replication/messages.hpp"

namespace broker::replication {

/// An encoded message. The slices point into batches of the envelope it was made from, which must live as long.
struct wire_message {
  std::string head;                     ///< with its size in front
  std::vector<std::string_view> bodies; ///< follow it, in order
  size_t size = 0;                      ///< of both
};
wire_message encode(const envelope& what);

/// `bytes` lie in `home`, which the result keeps alive. Error: not such a message; nothing it says was believed.
result<envelope> decode(std::string_view bytes, const block_ref& home);

/// A piece of a wire_message: `size` bytes in front, {queue, total size, offset}, then the bytes.
struct wire_part {
  static constexpr size_t head_size = 16;
  std::string head;
  std::vector<std::string_view> slices;
  size_t size = 0;
};
/// Parts of at most limits::peer_message_bytes each, in order. They point into `what`.
std::vector<wire_part> split(queue_id queue, const wire_message& what);

/// Puts the parts of one peer's messages for one queue together again. Holds one message at most.
class part_assembler {
public:
  /// The queue a part is for; error: too short for a part.
  static result<queue_id> queue_of(std::string_view part);
  /// A whole message in a block, or a null block if more parts are to come. Error: not a part, or a message larger than
  /// limits::message_hard_max_bytes allows. A part that does not continue what came before drops both: parts were lost.
  struct whole {
    block_ref home;
    std::string_view bytes;
  };
  result<whole> take(std::string_view part);
  /// The connection was lost.
  void reset() { *this = {}; }

private:
  block_ref home_;
  size_t total_ = 0;
  size_t have_ = 0;
};

} // namespace broker::replication
