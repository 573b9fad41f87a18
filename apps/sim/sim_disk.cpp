#include "sim_disk.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace broker::sim {
namespace {

constexpr size_t sector_bytes = 512;

error io_error(std::string_view what) {
  return {0, "simulated " + std::string(what)};
}

std::string_view directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

} // namespace

class sim_file final : public file {
public:
  sim_file(sim_disk& disk, sim_disk::inode_ref target)
    : disk_(disk), target_(std::move(target)), generation_(disk.generation_) {}

  result<void> write(uint64_t offset, std::span<const std::string_view> parts) override {
    check_generation();
    size_t size = 0;
    for (const auto part : parts)
      size += part.size();
    std::string bytes;
    bytes.reserve(size);
    for (const auto part : parts)
      bytes += part;
    return disk_.write(*target_, {offset, std::move(bytes)});
  }
  result<void> sync() override {
    check_generation();
    return disk_.sync(*target_);
  }
  result<size_t> read(uint64_t offset, std::span<char> into) const override {
    check_generation();
    if (++disk_.reads_ == disk_.faults_.read_error_at)
      return io_error("read error");
    const std::string& now = target_->now;
    const size_t count = offset >= now.size() ? 0 : std::min<size_t>(into.size(), now.size() - offset);
    if (count > 0)
      std::memcpy(into.data(), now.data() + offset, count);
    return count;
  }
  result<uint64_t> size() const override {
    check_generation();
    return uint64_t{target_->now.size()};
  }
  result<void> preallocate(uint64_t wanted, const std::function<void()>&) override {
    check_generation();
    if (const uint64_t size = target_->now.size(); wanted > size)
      if (auto written = disk_.write(*target_, {size, {}, std::nullopt, wanted - size}); !written)
        return written;
    return sync();
  }
  result<void> truncate(uint64_t wanted) override {
    check_generation();
    if (auto stepped = disk_.step(); !stepped)
      return stepped;
    sim_disk::change cut{0, {}, wanted, 0};
    sim_disk::apply(target_->now, cut);
    target_->unsynced.push_back(std::move(cut));
    return {};
  }

private:
  void check_generation() const { BROKER_ASSERT(generation_ == disk_.generation_, "a file outlived the crash"); }

  sim_disk& disk_;
  sim_disk::inode_ref target_;
  uint64_t generation_;
};

// -- operations
// ---------------------------------------------------------------------------------------------------------

result<void> sim_disk::step() {
  return ++steps_ >= faults_.power_off_at ? io_error("power failure") : result<void>{};
}

uint64_t sim_disk::used() const {
  uint64_t total = 0;
  for (const auto& [name, each] : names_)
    total += each->now.size();
  return total;
}

result<void> sim_disk::write(inode& target, change made) {
  ++writes_;
  auto stepped = step();
  if (!stepped && steps_ != faults_.power_off_at)
    return stepped;
  if (stepped && steps_ == faults_.write_error_at)
    return io_error("write error");
  const uint64_t end = made.offset + made.size();
  if (end > target.now.size() && used() + (end - target.now.size()) > faults_.capacity)
    return io_error("write error: no space left on device");
  if (writes_ == faults_.misdirected_write_at && target.now.size() > made.size())
    made.offset = random_.below(target.now.size() - made.size()) / sector_bytes * sector_bytes;
  // The write during which the power fails may have reached the disk in part: it counts as unsynced.
  apply(target.now, made);
  target.unsynced.push_back(std::move(made));
  return stepped;
}

result<void> sim_disk::sync(inode& target) {
  ++syncs_;
  if (auto stepped = step(); !stepped)
    return stepped;
  if (steps_ == faults_.sync_error_at) {
    // The kernel marks the pages clean although they never reached the disk (ATC'20): they are lost, silently later.
    target.unsynced.clear();
    return io_error("sync error");
  }
  for (const auto& made : target.unsynced)
    apply(target.durable, made);
  target.unsynced.clear();
  return {};
}

void sim_disk::apply(std::string& image, const change& made) {
  if (made.truncate) {
    image.resize(*made.truncate, '\0');
    return;
  }
  if (made.zeros != 0 && made.offset + made.zeros > image.capacity())
    image.reserve(made.offset + made.zeros); // a segment gets no larger
  if (image.size() < made.offset + made.size())
    image.resize(made.offset + made.size(), '\0');
  if (made.zeros != 0)
    image.replace(made.offset, made.zeros, made.zeros, '\0');
  else if (!made.bytes.empty())
    std::memcpy(image.data() + made.offset, made.bytes.data(), made.bytes.size());
}

result<std::unique_ptr<file>> sim_disk::open(std::string_view path, bool create) {
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (!create)
      return error{0, std::string(path) + ": no such file"};
    if (auto stepped = step(); !stepped)
      return stepped.error();
    found = names_.emplace(path, std::make_shared<inode>()).first;
  }
  return std::unique_ptr<file>(new sim_file(*this, found->second));
}

result<void> sim_disk::remove(std::string_view path) {
  if (auto stepped = step(); !stepped)
    return stepped;
  const auto found = names_.find(path);
  if (found == names_.end())
    return error{0, std::string(path) + ": no such file"};
  names_.erase(found);
  return {};
}

result<void> sim_disk::rename(std::string_view from, std::string_view to) {
  if (auto stepped = step(); !stepped)
    return stepped;
  const auto found = names_.find(from);
  if (found == names_.end())
    return error{0, std::string(from) + ": no such file"};
  const inode_ref moved = found->second;
  names_.erase(found);
  names_.insert_or_assign(std::string(to), moved);
  return {};
}

result<void> sim_disk::make_directory(std::string_view) {
  return {};
}

result<void> sim_disk::sync_directory(std::string_view path) {
  if (auto stepped = step(); !stepped)
    return stepped;
  std::erase_if(durable_names_, [&](const auto& entry) { return directory_of(entry.first) == path; });
  for (const auto& [name, each] : names_)
    if (directory_of(name) == path)
      durable_names_[name] = each;
  return {};
}

result<std::vector<std::string>> sim_disk::list(std::string_view path) {
  std::vector<std::string> found;
  for (const auto& [name, each] : names_)
    if (directory_of(name) == path)
      found.push_back(name.substr(path.empty() ? 0 : path.size() + 1));
  return found;
}

result<uint64_t> sim_disk::free_bytes() {
  const uint64_t taken = used();
  return faults_.capacity > taken ? faults_.capacity - taken : 0;
}

// -- crashes and damage
// -------------------------------------------------------------------------------------------------

void sim_disk::crash(crash_style style) {
  if (style != crash_style::keep_all) {
    // Names that were never synced vanish; removed ones may come back, as on a real file system.
    names_ = durable_names_;
  }
  for (auto& [name, each] : names_)
    survive(*each, style);
  faults_ = {};
  steps_ = writes_ = syncs_ = reads_ = 0;
  ++generation_;
}

void sim_disk::survive(inode& each, crash_style style) {
  if (style == crash_style::keep_all) {
    // Only the process died: unsynced writes are still there and still unsynced. What a failed sync threw away is gone.
    each.now = each.durable;
    for (const auto& made : each.unsynced)
      apply(each.now, made);
    return;
  }
  if (style == crash_style::reordered) {
    survive_reordered(each);
  } else if (style != crash_style::lose_all && !each.unsynced.empty()) {
    const size_t kept = random_.below(each.unsynced.size() + 1);
    for (size_t i = 0; i < kept; ++i)
      apply(each.durable, each.unsynced[i]);
    if (style == crash_style::torn && kept < each.unsynced.size()) {
      change part = each.unsynced[kept];
      const uint64_t left = random_.below(part.size() + 1);
      if (part.zeros != 0)
        part.zeros = left;
      else
        part.bytes.resize(left);
      if (!part.truncate && left != 0)
        apply(each.durable, part);
    }
  }
  each.unsynced.clear();
  each.now = each.durable;
}

void sim_disk::survive_reordered(inode& each) {
  for (const auto& made : each.unsynced) {
    if (made.truncate) {
      if (random_.chance(1, 2))
        apply(each.durable, made);
      continue;
    }
    for (size_t at = 0; at < made.size();) {
      const size_t upto = std::min<size_t>(made.size(), at + sector_bytes - (made.offset + at) % sector_bytes);
      if (random_.chance(1, 2))
        apply(each.durable,
              {made.offset + at, made.zeros != 0 ? std::string(upto - at, '\0') : made.bytes.substr(at, upto - at)});
      at = upto;
    }
  }
}

void sim_disk::flip_bit(std::string_view path, uint64_t offset, int bit) {
  const auto found = names_.find(path);
  BROKER_ASSERT(found != names_.end() && offset < found->second->now.size(), "no such byte");
  for (std::string* image : {&found->second->now, &found->second->durable})
    if (offset < image->size())
      (*image)[offset] = static_cast<char>((*image)[offset] ^ (1 << bit));
}

std::optional<std::string> sim_disk::content(std::string_view path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? std::nullopt : std::optional(found->second->now);
}

void sim_disk::set_content(std::string_view path, std::string bytes) {
  auto& target = names_[std::string(path)];
  target = std::make_shared<inode>();
  target->now = target->durable = std::move(bytes);
  durable_names_[std::string(path)] = target;
}

} // namespace broker::sim
