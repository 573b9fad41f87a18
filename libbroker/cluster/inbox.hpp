// What the other node's service has sent to ours within a session: parts are checked, put together and counted until
// the service has handled them. Not thread-safe.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "cluster/link_frame.hpp"

namespace broker::cluster {

class inbox {
public:
  /// A new session.
  void reset();
  void limit(uint64_t window_bytes) { window_ = window_bytes; }

  /// Takes a part; a complete payload, if this was its last part. A part that is here already is dropped.
  /// Error: a part was skipped or does not fit its payload, or the sender ignores the window.
  result<std::optional<std::string>> take(const data_frame& part);
  /// The service is done with a payload of this window_cost.
  void handled(uint64_t cost);

  uint64_t received() const { return received_; }
  ack_frame::progress progress() const { return {received_, handled_}; }
  /// Delivered or being put together, not handled: never above the window and one payload.
  uint64_t held_bytes() const { return begun_ - handled_; }
  /// Progress was written to the peer.
  void told() {
    told_ = progress();
    bytes_since_told_ = 0;
  }
  bool untold() const { return !(told_ == progress()); }
  /// Enough to be worth a frame of its own at once.
  bool much_untold() const;

private:
  uint64_t window_ = 0;
  uint64_t received_ = 0;
  uint64_t begun_ = 0; ///< cost of every payload whose first part is here
  uint64_t handled_ = 0;
  uint64_t bytes_since_told_ = 0;
  ack_frame::progress told_;
  std::optional<std::string> unfinished_;
  uint64_t total_ = 0; ///< of the unfinished one
};

} // namespace broker::cluster
