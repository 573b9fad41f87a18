// What a run gives back.
#pragma once
#include "report.hpp"

namespace broker::bench {

struct outcome {
  report result;
  bool as_promised = true; // every check held
};

} // namespace broker::bench
