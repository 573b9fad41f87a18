#include "member_file.hpp"

#include <fstream>

namespace broker {

namespace {

constexpr const char* members = "cluster_nodes";
constexpr const char* forgotten_file = "forgotten_nodes";

std::vector<std::string> read_names(const std::filesystem::path& path) {
  std::ifstream file{path};
  std::vector<std::string> nodes;
  for (std::string line; std::getline(file, line);)
    if (!line.empty())
      nodes.push_back(std::move(line));
  return nodes;
}

result<void> write_names(const std::filesystem::path& path, const std::vector<std::string>& nodes) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::ofstream file{fresh, std::ios::trunc};
  for (const auto& node : nodes)
    file << node << "\n";
  file.close();
  std::error_code failed;
  if (file)
    std::filesystem::rename(fresh, path, failed);
  if (!file || failed)
    return error{0, path.string() + " cannot be written"};
  return {};
}

} // namespace

std::vector<std::string> read_members(const std::filesystem::path& data_dir) {
  return read_names(data_dir / members);
}

result<void> write_members(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes) {
  return write_names(data_dir / members, nodes);
}

std::vector<std::string> read_forgotten(const std::filesystem::path& data_dir) {
  return read_names(data_dir / forgotten_file);
}

result<void> write_forgotten(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes) {
  return write_names(data_dir / forgotten_file, nodes);
}

} // namespace broker
