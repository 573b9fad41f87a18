// A node as GET /api/nodes shows it, with "stats" for whoever puts the cluster together (features.md O14).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "management/service.hpp"

namespace broker::management {

/// mem_used, fd_used, sockets_used, proc_used, disk_free.
using usage_figures = std::array<uint64_t, 5>;
usage_figures usage_of(const service& at, const node_facts& now);

std::string node_object(const service& at, const node_facts& now, sample_range range);

} // namespace broker::management
