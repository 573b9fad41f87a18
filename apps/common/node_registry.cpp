#include "node_registry.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_life.hpp"

namespace broker {

namespace {

/// Somebody else's folder under our name in /tmp must not be trusted.
bool private_folder(const std::filesystem::path& folder) {
  struct stat info {};
  return lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid()
      && (info.st_mode & 077) == 0;
}

template<class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size();
}

std::string to_text(const registry_entry& entry) {
  return "pid " + std::to_string(entry.pid) + "\nport " + std::to_string(entry.control_port) + "\ncluster_port "
       + std::to_string(entry.cluster_port) + "\npid_file " + entry.pid_file + "\ncookie_file " + entry.cookie_file
       + "\n";
}

bool parse_line(std::string_view line, registry_entry& entry) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos)
    return false;
  const std::string_view name = line.substr(0, space), value = line.substr(space + 1);
  if (name == "pid")
    return parse_number(value, entry.pid);
  if (name == "port")
    return parse_number(value, entry.control_port);
  if (name == "cluster_port")
    return parse_number(value, entry.cluster_port);
  if (name == "pid_file")
    entry.pid_file = value;
  else if (name == "cookie_file")
    entry.cookie_file = value;
  return true; // later versions may add lines
}

std::optional<registry_entry> read_entry(const std::filesystem::path& file) {
  std::ifstream in{file};
  if (!in)
    return std::nullopt;
  registry_entry entry;
  for (std::string line; std::getline(in, line);)
    if (!parse_line(line, entry))
      return std::nullopt;
  if (entry.pid <= 0 || entry.control_port == 0)
    return std::nullopt;
  return entry;
}

} // namespace

std::filesystem::path registry_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/' && access(runtime, W_OK | X_OK) == 0)
    return std::filesystem::path{runtime} / "warren";
  return "/tmp/warren-" + std::to_string(getuid());
}

result<void> add_to_registry(std::string_view node, const registry_entry& entry) {
  const auto folder = registry_folder();
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return error{0, "cannot create " + folder.string() + ": " + std::strerror(errno)};
  if (!private_folder(folder))
    return error{0, folder.string() + " must be a directory of this user with mode 0700"};
  const auto file = (folder / node).string();
  const auto draft = file + "." + std::to_string(entry.pid);
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return error{0, "cannot create " + draft + ": " + std::strerror(errno)};
  const std::string text = to_text(entry);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool moved = written && rename(draft.c_str(), file.c_str()) == 0;
  const error why{0, "cannot write " + file + ": " + std::strerror(errno)};
  close(fd);
  if (!moved) {
    unlink(draft.c_str());
    return why;
  }
  return {};
}

void remove_from_registry(std::string_view node, int pid) {
  const auto file = registry_folder() / node;
  const auto entry = read_entry(file);
  if (entry && entry->pid == pid)
    unlink(file.c_str());
}

std::optional<registry_entry> find_node(std::string_view node) {
  const auto folder = registry_folder();
  if (!private_folder(folder))
    return std::nullopt;
  auto entry = read_entry(folder / node);
  if (entry && !process_lives(entry->pid))
    return std::nullopt;
  return entry;
}

} // namespace broker
