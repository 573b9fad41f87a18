// The one exception of the load generator: a run cannot go on, and `what()` says why in a sentence for the user.
// Caught in main only.
#pragma once
#include <stdexcept>

namespace broker::bench {

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace broker::bench
