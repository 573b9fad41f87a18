// What a policy and an operator policy say together, as operators see it (features.md O05, O31).
#pragma once

#include <string>

#include "metadata/records.hpp"

namespace broker {

/// JSON text of one object; "{}" when both are null. Of two numbers the lower, of two mirroring modes the one that
/// makes more copies, of other keys the operator's: what merge_options (model/policy.hpp) puts in force.
std::string effective_definition(const policy_record* user, const policy_record* operators);

} // namespace broker
