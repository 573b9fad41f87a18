#include "management/shown_samples.hpp"

#include <utility>

namespace broker::management {

namespace {

void gather(const call_ptr& to, sampled_kind kind, const sample_ranges& asked, std::vector<size_t> which,
            const std::vector<sampled_key>& keys, std::function<void(shown_samples_ptr)> then) {
  to->in_service.samples_of(
    kind, asked, keys, [which = std::move(which), then = std::move(then)](const std::vector<named_samples>& found) {
      auto samples = std::make_shared<shown_samples>();
      for (size_t i = 0; i < which.size(); ++i)
        if (!found[i].empty())
          samples->emplace(which[i], found[i]);
      then(samples);
    });
}

} // namespace

std::optional<sample_ranges> asked_ranges(const call_ptr& to, std::string_view error) {
  std::string why;
  auto asked = ranges_of(to->target, why);
  if (!asked)
    fail(to, 400, error, why);
  return asked;
}

void with_shown_samples(const call_ptr& to, sampled_kind kind, const list_source& from,
                        const std::function<sampled_key(size_t)>& key, std::function<void(shown_samples_ptr)> then) {
  const auto asked = asked_ranges(to, kind == sampled_kind::queue ? "invalid_range_parameters" : "bad_request");
  if (!asked)
    return;
  if (!wants_samples(*asked, kind))
    return then(nullptr);
  auto which = shown_first(to, from, listed_objects(*asked, kind));
  std::vector<sampled_key> keys;
  keys.reserve(which.size());
  for (const size_t i : which)
    keys.push_back(key(i));
  gather(to, kind, *asked, std::move(which), keys, std::move(then));
}

void with_samples_of(const call_ptr& to, sampled_kind kind, const sampled_key& key,
                     std::function<void(shown_samples_ptr)> then) {
  const auto asked = asked_ranges(to);
  if (!asked)
    return;
  if (!wants_samples(*asked, kind))
    return then(nullptr);
  gather(to, kind, *asked, {0}, {key}, std::move(then));
}

const named_samples* find(const shown_samples_ptr& in, size_t i) {
  if (!in)
    return nullptr;
  const auto found = in->find(i);
  return found == in->end() ? nullptr : &found->second;
}

} // namespace broker::management
