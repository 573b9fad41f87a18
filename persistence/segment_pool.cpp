#include "segment_pool.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <thread>

#include "journal_record.hpp"

namespace broker {
namespace {

constexpr std::string_view suffix = ".journal";

/// Preparing at leisure takes a tenth of the disk's time: 64 MiB in five to fifteen seconds (own choice).
constexpr int leisure_factor = 9;
constexpr auto longest_pause = std::chrono::milliseconds{50};
/// Files that are taken faster than this are wanted at once (own choice: no leisure keeps up with it).
constexpr auto busy_interval = std::chrono::seconds{10};

std::string file_name(uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits + std::string(suffix);
}

/// 0 for a name that is not a segment's.
uint64_t number_of(std::string_view name) {
  if (!name.ends_with(suffix))
    return 0;
  name.remove_suffix(suffix.size());
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
  return problem == std::errc{} && end == name.data() + name.size() ? number : 0;
}

} // namespace

result<std::vector<segment_ref>> segment_pool::open_existing() {
  if (auto made = files_.make_directory(directory_); !made)
    return made.error();
  // A process that was killed may have made files whose names are not durable yet: they are about to be trusted.
  for (const std::string_view each : {std::string_view{}, std::string_view{directory_}})
    if (auto synced = files_.sync_directory(each); !synced)
      return synced.error();
  auto names = files_.list(directory_);
  if (!names)
    return names.error();
  std::vector<segment_ref> found;
  for (const auto& name : *names) {
    const uint64_t number = number_of(name);
    if (number == 0)
      continue;
    next_name_ = std::max(next_name_, number + 1);
    std::string path = directory_ + "/" + name;
    auto opened = files_.open(path, false);
    if (!opened)
      return opened.error();
    found.push_back(std::make_shared<segment_file>(segment_file{std::move(path), std::move(*opened)}));
  }
  return found;
}

result<segment_ref> segment_pool::create(bool at_leisure) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = directory_ + "/" + file_name(next_name_++);
  }
  auto opened = files_.open(path, true);
  if (!opened)
    return opened.error();
  auto made = std::make_shared<segment_file>(segment_file{path, std::move(*opened)});
  auto began = std::chrono::steady_clock::now();
  const auto pause = [&] {
    if (leisure_.load(std::memory_order_relaxed) && may_take_time())
      std::this_thread::sleep_for(
        std::min<std::chrono::nanoseconds>(leisure_factor * (std::chrono::steady_clock::now() - began), longest_pause));
    began = std::chrono::steady_clock::now();
  };
  auto prepared = made->content->preallocate(segment_bytes_, at_leisure ? std::function<void()>{pause} : nullptr);
  if (prepared)
    prepared = files_.sync_directory(directory_);
  if (prepared)
    return made;
  // A file that was never used holds nothing; leaving a part of it behind would only eat the space that is missing.
  if (auto removed = files_.remove(path); !removed)
    return error{0, prepared.error().text + "; " + removed.error().text};
  return prepared.error();
}

result<segment_ref> segment_pool::take() {
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    busy_ = now - last_taken_ < busy_interval;
    last_taken_ = now;
    if (!spares_.empty()) {
      auto spare = std::move(spares_.back());
      spares_.pop_back();
      return spare;
    }
  }
  return create(false);
}

bool segment_pool::may_take_time() const {
  const std::lock_guard lock(mutex_);
  return !spares_.empty() && !busy_;
}

bool segment_pool::short_of_spares() const {
  const std::lock_guard lock(mutex_);
  return spares_.size() < std::max<size_t>(1, spares_wanted_ / 2);
}

result<void> segment_pool::prepare() {
  if (!short_of_spares())
    return {};
  auto made = create(may_take_time());
  if (!made)
    return made.error();
  add_spare(std::move(*made));
  return {};
}

result<void> segment_pool::wipe(segment_ref unused) {
  const std::string zeroes(segment_head_bytes, '\0');
  const std::string_view part = zeroes;
  if (auto written = unused->content->write(0, {&part, 1}); !written)
    return written;
  if (auto synced = unused->content->sync(); !synced)
    return synced;
  bool surplus;
  {
    const std::lock_guard lock(mutex_);
    surplus = spares_.size() >= spares_wanted_;
  }
  if (surplus)
    return files_.remove(unused->path);
  auto size = unused->content->size();
  if (!size)
    return size.error();
  if (*size > segment_bytes_)
    if (auto cut = unused->content->truncate(segment_bytes_); !cut)
      return cut;
  add_spare(std::move(unused));
  return {};
}

void segment_pool::add_spare(segment_ref unused) {
  const std::lock_guard lock(mutex_);
  spares_.push_back(std::move(unused));
}

} // namespace broker
