#include "member_file.hpp"

#include <fstream>

namespace broker {

namespace {

constexpr const char* name = "cluster_nodes";

} // namespace

std::vector<std::string> read_members(const std::filesystem::path& data_dir) {
  std::ifstream file{data_dir / name};
  std::vector<std::string> nodes;
  for (std::string line; std::getline(file, line);)
    if (!line.empty())
      nodes.push_back(std::move(line));
  return nodes;
}

result<void> write_members(const std::filesystem::path& data_dir, const std::vector<std::string>& nodes) {
  const auto fresh = data_dir / (std::string{name} + ".new");
  std::ofstream file{fresh, std::ios::trunc};
  for (const auto& node : nodes)
    file << node << "\n";
  file.close();
  std::error_code failed;
  if (file)
    std::filesystem::rename(fresh, data_dir / name, failed);
  if (!file || failed)
    return error{0, (data_dir / name).string() + " cannot be written"};
  return {};
}

} // namespace broker
