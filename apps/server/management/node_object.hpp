// A node as GET /api/nodes shows it, with "stats" for whoever puts the cluster together (features.md O14).
#pragma once

#include <string>

#include "management/service.hpp"

namespace broker::management {

std::string node_object(const service& at, const node_facts& now, sample_range range);

} // namespace broker::management
