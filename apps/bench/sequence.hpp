// The judge: was every message of a stream delivered to a queue exactly once, and to each consumer in the order it was
// published? A stream is what one publisher sends to one routing key; its messages are numbered 0, 1, 2, …
//
// Every body starts with 16 octets, `stamp`, in this machine's byte order: stream and number in one word (20 and 44
// bits), then the time the message was meant to be sent.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "clock.hpp"

namespace broker::bench {

inline constexpr uint32_t sequence_bits = 44;
inline constexpr uint32_t streams_max = 1u << (64 - sequence_bits);
inline constexpr uint64_t sequence_mask = (uint64_t{1} << sequence_bits) - 1;

struct stamp {
  uint64_t stream_and_sequence;
  time_ns intended;

  static stamp make(uint32_t stream, uint64_t sequence, time_ns intended) {
    return {uint64_t{stream} << sequence_bits | (sequence & sequence_mask), intended};
  }

  static stamp load(const char* from) {
    stamp result;
    std::memcpy(&result, from, sizeof result);
    return result;
  }

  void store(char* to) const { std::memcpy(to, this, sizeof *this); }

  uint32_t stream() const { return static_cast<uint32_t>(stream_and_sequence >> sequence_bits); }

  uint64_t sequence() const { return stream_and_sequence & sequence_mask; }
};

inline constexpr size_t stamp_size = sizeof(stamp);
static_assert(stamp_size == 16);

/// Which numbers of one stream have arrived at one queue. The gaps are kept as ranges, at most `ranges_max` of them;
/// what does not fit any more counts as missing for good (a broker that bad has already failed the check).
class arrival_set {
public:
  static constexpr size_t ranges_max = 1'000'000;

  void receive(uint64_t sequence) {
    if (sequence == next_)
      ++next_;
    else
      receive_out_of_line(sequence);
  }

  uint64_t duplicated() const { return duplicated_; }

  /// How many of the numbers 0 … `sent` − 1 have not arrived.
  uint64_t missing(uint64_t sent) const;

private:
  void receive_out_of_line(uint64_t sequence);

  uint64_t next_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t missing_ = 0;
  std::map<uint64_t, uint64_t> gaps_; // first missing number -> one past the last
};

/// One queue's arrivals over all streams. `expect` names the streams that may reach it; anything else is misrouted.
class queue_check {
public:
  void expect(uint32_t stream);

  void receive(const stamp& message) {
    const uint32_t stream = message.stream();
    if (stream < streams_.size() && streams_[stream].expected)
      streams_[stream].arrivals.receive(message.sequence());
    else
      ++misrouted_;
  }

  uint64_t duplicated() const;

  /// Messages that `sent[stream]` says were published but that never arrived here.
  uint64_t missing(const std::vector<uint64_t>& sent) const;

  uint64_t misrouted() const { return misrouted_; }

private:
  struct expected_stream {
    bool expected = false;
    arrival_set arrivals;
  };

  std::vector<expected_stream> streams_;
  uint64_t misrouted_ = 0;
};

/// One consumer's view of the order: within a stream, numbers only grow.
class order_check {
public:
  void receive(const stamp& message) {
    const uint32_t stream = message.stream();
    if (stream >= next_.size())
      next_.resize(stream + 1);
    uint64_t& next = next_[stream];
    if (message.sequence() < next)
      ++reordered_;
    else
      next = message.sequence() + 1;
  }

  uint64_t reordered() const { return reordered_; }

private:
  std::vector<uint64_t> next_;
  uint64_t reordered_ = 0;
};

} // namespace broker::bench
