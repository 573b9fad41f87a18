// A message pins the whole block it was read into (hotpath.md rule 3): one unacked message of 16 bytes can keep 256
// KiB. When memory is short, what is left of a mostly dead block is copied out.
#pragma once

#include "queue/run.hpp"

namespace broker::queueing {

/// A run that is less than this part of the blocks it keeps alive is worth copying.
inline constexpr size_t survivor_share = 8;

/// True when the run's messages are a small part of what their batch pins. Looks at no more messages than that takes.
bool pins_too_much(const run& one);
/// Moves the run to a batch of its own that is just large enough.
void copy_out(run& one);

} // namespace broker::queueing
