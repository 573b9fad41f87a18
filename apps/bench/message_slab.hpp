// Messages encoded once: a ring of complete frames in which only the 16 octets of the stamp change. Publishing then
// costs a 16-octet store per message and one write per batch, which is what lets one core offer several million a
// second.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sequence.hpp"

namespace broker::bench {

/// One encoded message and where its body starts in it.
struct encoded_message {
  std::string bytes;
  size_t stamp_offset = 0;
};

struct message_shape {
  uint64_t size = stamp_size;
  bool persistent = false;
  uint32_t frame_max = 0;
  std::optional<uint8_t> priority = {};
};

/// basic.publish with header and body frames on channel 1.
encoded_message encode_publish(const std::string& exchange, const std::string& routing_key, const message_shape& shape);

/// The same message as a broker delivers it; for measuring this program's own ceiling.
encoded_message encode_deliver(const std::string& routing_key, const message_shape& shape);

/// The octet at `position` of every body, beyond the stamp.
inline char body_octet(uint64_t position) {
  return static_cast<char>(position * 31 + (position >> 8));
}

/// The ring. Slot i holds a message for target i mod targets.
class message_slab {
public:
  /// What a slab takes in memory when a message is not larger than a quarter of it; sized to stay in the L2 cache.
  static constexpr size_t bytes_wanted = 192u << 10;

  /// @param messages one encoded message for each target, in the order the publisher goes round them.
  explicit message_slab(const std::vector<encoded_message>& messages);

  size_t slots() const { return starts_.size() - 1; }

  void put(size_t slot, const stamp& value) { value.store(bytes_.data() + stamps_[slot]); }

  /// The octets of slots `first` to `end` − 1.
  std::string_view range(size_t first, size_t end) const {
    return {bytes_.data() + starts_[first], starts_[end] - starts_[first]};
  }

private:
  std::string bytes_;
  std::vector<size_t> starts_;
  std::vector<size_t> stamps_;
};

} // namespace broker::bench
