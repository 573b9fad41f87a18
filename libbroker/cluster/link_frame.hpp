// Frames between two nodes. All numbers are big-endian:
//
//   frame     length u32 (of what follows), type u8, body
//   hello     "WRNL" version u16 | node s8, target s8, cluster s8, incarnation u64, attempt u64, session u64 × 2,
//             offer u64, per service: received u64, window u64
//   ready     -
//   refuse    benign u8, text (the rest)       hello up to `|` and refuse are the same in every version
//   data      service u8, flags u8, seq u64, [first part: total u64,] bytes (the rest)
//   ack       per service: received u64, handled u64
//   datagram  service u8, bytes (the rest)
//   heartbeat -
//   bye       text (the rest)
//
// s8: length u8 and bytes. Decoding is bounded, allocates nothing but names, and names what is wrong.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "cluster/link_limits.hpp"
#include "cluster/service.hpp"

namespace broker::cluster {

enum class frame_type : uint8_t { hello = 1, ready, refuse, data, ack, datagram, heartbeat, bye };

/// Both ends' numbers of a session; {0, 0}: none.
struct session_pair {
  uint64_t own = 0;
  uint64_t peer = 0;
  explicit operator bool() const { return own != 0; }
  friend bool operator==(const session_pair&, const session_pair&) = default;
};

struct hello_frame {
  uint16_t version = link_limits::protocol_version; ///< of any other version only this is known
  std::string node;
  std::string target;  ///< whom the sender believes to talk to
  std::string cluster; ///< id of its cluster; "" = not known
  uint64_t incarnation = 0;
  uint64_t attempt = 0;                              ///< rises with each hello of an incarnation to this target
  session_pair session;                              ///< the one to go on with
  uint64_t offer = 0;                                ///< its number of a new session, should there have to be one
  std::array<uint64_t, cluster_services> received{}; ///< seq per service within `session`
  std::array<uint64_t, cluster_services> window{};   ///< bytes it takes before it has handled them
};
struct ready_frame {};
struct refuse_frame {
  bool benign = false; ///< another connection serves; nothing an operator must know
  std::string_view reason;
};
struct data_frame {
  cluster_service service = cluster_service::control;
  bool first = true;
  bool last = true;
  uint64_t seq = 0;   ///< from 1, dense per service and session
  uint64_t total = 0; ///< of the payload; in the first part only
  std::string_view bytes;
};
struct ack_frame {
  struct progress {
    uint64_t received = 0; ///< every part up to this seq is here
    uint64_t handled = 0;  ///< bytes of window given back since the session began
    friend bool operator==(const progress&, const progress&) = default;
  };
  std::array<progress, cluster_services> services{};
};
struct datagram_frame {
  cluster_service service = cluster_service::control;
  std::string_view bytes;
};
struct heartbeat_frame {};
struct bye_frame {
  std::string_view reason;
};

using link_frame = std::variant<hello_frame, ready_frame, refuse_frame, data_frame, ack_frame, datagram_frame,
                                heartbeat_frame, bye_frame>;

/// Appends the frame. Views must fit: see link_limits.
void encode(const link_frame& frame, byte_buffer& out);

/// Decodes what follows the length. Views point into `frame`. Error: what is wrong with it.
result<link_frame> decode(std::string_view frame);

/// Cuts a stream of bytes into frames. Keeps at most one unfinished frame.
class frame_splitter {
public:
  /// Calls `each(frame)` for every complete frame until it returns false or the bytes are used up.
  /// Error: a frame longer than `most`, or empty; the stream is of no use any more.
  template<class Each>
  result<void> feed(std::string_view bytes, const size_t& most, Each&& each) {
    while (!bytes.empty()) {
      if (kept_.empty() && bytes.size() >= 4) {
        const size_t size = load_u32(bytes.data());
        if (size == 0 || size > most)
          return wrong_size(size, most);
        if (bytes.size() - 4 >= size) {
          const auto frame = bytes.substr(4, size);
          bytes.remove_prefix(4 + size);
          if (!each(frame))
            return {};
          continue;
        }
      }
      if (!keep(bytes, 4))
        return {};
      const size_t size = load_u32(kept_.data());
      if (size == 0 || size > most)
        return wrong_size(size, most);
      if (!keep(bytes, 4 + size))
        return {};
      const auto frame = std::exchange(kept_, {});
      if (!each(std::string_view{frame}.substr(4)))
        return {};
    }
    return {};
  }

private:
  /// Moves bytes to the unfinished frame until it has `wanted`; false when they do not suffice.
  bool keep(std::string_view& bytes, size_t wanted);
  static error wrong_size(size_t size, size_t most);

  std::string kept_;
};

} // namespace broker::cluster
