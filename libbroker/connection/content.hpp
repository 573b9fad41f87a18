// Content on its way in: basic.publish, content header, bodies (AMQP 0-9-1 section 4.2.6).
//
// Two ways. `scan_publish` takes a publish whose frames lie one behind the other in the read block: the message points
// into the block, nothing is copied. Where that cannot be (frames of other channels in between, content larger than a
// read block, bodies chopped into tiny frames) a `content_assembler` copies header and body once into a block of their
// own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/frame.hpp"
#include "base/block.hpp"
#include "base/result.hpp"
#include "model/message.hpp"

namespace broker {

/// Arguments of basic.publish, as bytes.
struct publish_arguments {
  std::string_view names; ///< exchange shortstr, then routing key shortstr
  uint16_t flags = 0;     ///< message::mandatory, message::immediate
};
/// `arguments` as in amqp::decode_method. False: they are cut short or have trailing bytes.
bool read_publish_arguments(std::string_view arguments, publish_arguments& out) noexcept;

/// Flags of message::flag that the content header decides. Error 541 for malformed properties (wire-reactions.md).
result<uint16_t> content_flags(std::string_view property_bytes);

/// Where the scan of an unfinished publish stands, so that every read looks at its own bytes only.
struct publish_scan {
  size_t at = 0;     ///< bytes scanned from the start of the publish frame; 0 = nothing yet
  uint64_t body = 0; ///< body bytes within them
};

enum class scan_result : uint8_t {
  complete,    ///< `message` is set, `consumed` bytes belong to it
  incomplete,  ///< the rest has not been read yet, and will fit into the block
  not_in_line, ///< leave it to the assembler, which also finds the errors
  malformed,   ///< the arguments of basic.publish cannot be decoded
};

struct publish_limits {
  size_t frame_payload_max = 0;
  uint64_t body_max = 0;
  size_t room = 0; ///< bytes the block has for the publish
};

/// `bytes` starts with a whole basic.publish frame whose size is `method_size`. `out.flags` lacks the content header's.
scan_result scan_publish(std::string_view bytes, size_t method_size, const publish_limits& limits, publish_scan& scan,
                         message& out, size_t& consumed) noexcept;

/// Assembles one content at a time for one channel. Not thread-safe.
class content_assembler {
public:
  /// True between basic.publish and the last body frame.
  bool busy() const { return state_ != state::idle; }
  bool expects_header() const { return state_ == state::header; }
  /// A whole basic.publish frame has come.
  void begin(const publish_arguments& arguments);
  /// Size of the body a content header frame's payload announces; 0 if it is too short to be one.
  static uint64_t announced_body(std::string_view payload) noexcept;
  /// The next frame of the channel. True: the message is complete, take it with `finish`.
  /// Errors: 505 unexpected frame, 541 malformed properties, 506 more unfinished content than `budget` bytes.
  result<bool> frame(amqp::frame_prefix prefix, std::string_view payload, size_t frame_max, size_t budget);
  /// The complete message; `keeps` owns its bytes. The assembler is idle afterwards.
  message finish(block_ref& keeps);
  void abandon();
  /// Bytes held for the unfinished content.
  size_t memory() const { return block_ ? block_->capacity() : 0; }

private:
  enum class state : uint8_t { idle, header, body };

  result<bool> header(amqp::frame_prefix prefix, std::string_view payload, size_t frame_max, size_t budget);
  result<bool> body(std::string_view payload, size_t budget);
  bool make_room(size_t count, size_t budget);
  void open_body_frame();

  state state_ = state::idle;
  uint16_t flags_ = 0;
  channel_number channel_ = 0;
  uint16_t names_size_ = 0;
  uint32_t header_size_ = 0;
  size_t frame_payload_max_ = 0;
  uint64_t body_size_ = 0;
  uint64_t body_left_ = 0;
  size_t frame_left_ = 0; ///< payload bytes the body frame being written still takes
  size_t size_ = 0;       ///< bytes written into block_
  size_t size_max_ = 0;   ///< what the whole content will take
  std::string names_;
  block_ref block_; ///< names, header frame, body frames
};

} // namespace broker
