// The names of the cluster's nodes as this one knew them last, in the file `cluster_nodes` of the data folder, one a
// line: whom a stopped node asks to let it go. A hint only; who is a member, the metadata decide.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace broker {

/// Empty without a file.
std::vector<std::string> read_members(const std::filesystem::path& data_dir);
/// Replaces the file.
result<void> write_members(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes);

} // namespace broker
