// What a stopped node remembers of its cluster, in files of the data folder, one name a line. Hints only; who is a
// member, the metadata decide.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace broker {

// -- `cluster_nodes`: the cluster's nodes as this one knew them last; whom it asks to let it go --
/// Empty without a file.
std::vector<std::string> read_members(const std::filesystem::path& data_dir);
/// Replaces the file.
result<void> write_members(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes);

// -- `forgotten_nodes`: whom this node forgets when it is up, as an operator said while it was stopped --
std::vector<std::string> read_forgotten(const std::filesystem::path& data_dir);
/// Replaces the file.
result<void> write_forgotten(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes);

} // namespace broker
