// A timer of an actor that is set again and again: a CAF timer cannot be taken back, so of those that are under way
// only the one that is due first counts. Milliseconds of whatever clock its actor counts with. Used by its actor only.
#pragma once

#include <chrono>
#include <cstdint>

#include "actors/caf.hpp"

namespace broker {

/// `Message` consists of `due_ms`.
template<class Message>
class due_timer {
public:
  /// Unless one that is under way is due as soon.
  template<class Actor>
  void set(Actor* self, uint64_t now_ms, uint64_t in_ms) {
    if (is_due_by(now_ms + in_ms))
      return;
    due_ms_ = now_ms + in_ms;
    self->delayed_send(self, std::chrono::milliseconds{in_ms}, Message{due_ms_});
  }

  bool is_due_by(uint64_t at_ms) const noexcept { return due_ms_ != 0 && due_ms_ <= at_ms; }

  /// One has come. False: a sooner one took its place.
  bool take(const Message& came) noexcept {
    if (came.due_ms != due_ms_)
      return false;
    due_ms_ = 0;
    return true;
  }

private:
  uint64_t due_ms_ = 0; ///< of the one that counts; 0: none
};

} // namespace broker
