#include "history.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker::sim {

namespace {

/// The last answers of a name, for the report.
constexpr size_t told_max = 40;

std::string text(const meta_request& what) {
  switch (what.what) {
  case meta_request::kind::create:
    return "declare as " + std::to_string(what.value);
  case meta_request::kind::erase:
    return "delete";
  default:
    return "look";
  }
}

} // namespace

/// Lets it happen; what its answer would say.
uint64_t meta_history::happen(const meta_request& what, uint64_t& value) {
  switch (what.what) {
  case meta_request::kind::create:
    return value = value == 0 ? what.value : value;
  case meta_request::kind::erase:
    return value = 0;
  default:
    return value;
  }
}

/// Every course that follows from those known by letting requests under way happen, in any number and order.
std::set<meta_history::course> meta_history::all_courses(const name_state& name) {
  std::set<course> all = name.courses;
  std::vector<course> fresh{all.begin(), all.end()};
  while (!fresh.empty()) {
    const course from = std::move(fresh.back());
    fresh.pop_back();
    for (const pending& each : name.open) {
      if (from.happened.contains(each.id))
        continue;
      course to = from;
      const uint64_t result = happen(each.what, to.value);
      to.happened[each.id] = each.unknown ? 0 : result;
      if (all.insert(to).second)
        fresh.push_back(std::move(to));
    }
  }
  return all;
}

meta_history::request_id meta_history::asked(const std::string& name, meta_request what) {
  const auto id = next_++;
  names_[name].open.push_back({id, what});
  open_.emplace(id, name);
  return id;
}

meta_history::name_state* meta_history::find(request_id id, size_t& at) {
  const auto found = open_.find(id);
  BROKER_ASSERT(found != open_.end(), "an answer to no request");
  auto& name = names_.at(found->second);
  at = static_cast<size_t>(
    std::find_if(name.open.begin(), name.open.end(), [&](const pending& each) { return each.id == id; })
    - name.open.begin());
  return &name;
}

/// The request at `at` is over: only the courses that `keep` takes are left, without it.
void meta_history::drop(name_state& name, size_t at, const std::function<bool(const course&)>& keep) {
  const auto id = name.open[at].id;
  std::set<course> left;
  for (course each : all_courses(name)) {
    if (!keep(each))
      continue;
    each.happened.erase(id);
    left.insert(std::move(each));
  }
  name.courses = std::move(left);
  name.open.erase(name.open.begin() + static_cast<std::ptrdiff_t>(at));
}

void meta_history::settle(request_id id, const std::string& answer, const std::function<bool(uint64_t)>& fits) {
  size_t at = 0;
  auto& name = *find(id, at);
  ++answers_;
  name.told.push_back(text(name.open[at].what) + ": " + answer);
  if (name.told.size() > told_max)
    name.told.erase(name.told.begin());
  drop(name, at, [&](const course& each) {
    const auto happened = each.happened.find(id);
    return happened != each.happened.end() && fits(happened->second);
  });
  const std::string called = open_.at(id);
  open_.erase(id);
  if (!name.courses.empty())
    return;
  std::string story;
  for (const auto& line : name.told)
    story += (story.empty() ? "" : "; ") + line;
  broken_("C10: no order of the changes of '" + called + "' explains their answers: " + story);
  name.courses = {course{}};
  for (auto& each : name.open) // the rest of it proves nothing more
    each.unknown = true;
}

void meta_history::answered(request_id id, uint64_t value) {
  size_t at = 0;
  if (find(id, at)->open[at].what.what == meta_request::kind::erase)
    value = 0;
  settle(id, std::to_string(value), [value](uint64_t result) { return result == value; });
}

void meta_history::seen(request_id id) {
  settle(id, "there", [](uint64_t result) { return result != 0; });
}

void meta_history::missed(request_id id) {
  const bool going = meets_erase(id);
  settle(id, "missing", [going](uint64_t result) { return result == 0 || going; });
}

bool meta_history::meets_erase(request_id id) const {
  const auto& open = names_.at(open_.at(id)).open;
  return std::any_of(open.begin(), open.end(), [id](const pending& each) {
    return each.what.what == meta_request::kind::erase || (each.id == id && each.erase_failed);
  });
}

void meta_history::refused(request_id id) {
  size_t at = 0;
  auto& name = *find(id, at);
  if (name.open[at].what.what == meta_request::kind::erase)
    for (auto& each : name.open)
      each.erase_failed = true;
  drop(name, at, [&](const course& each) { return !each.happened.contains(id); });
  open_.erase(id);
}

void meta_history::lost(request_id id) {
  size_t at = 0;
  auto& name = *find(id, at);
  const std::string called = open_.at(id);
  if (name.open[at].what.what == meta_request::kind::look) {
    drop(name, at, [](const course&) { return true; });
    open_.erase(id);
    return;
  }
  name.open[at].unknown = true;
  std::set<course> left;
  for (course each : name.courses) {
    if (const auto happened = each.happened.find(id); happened != each.happened.end())
      happened->second = 0; // nobody will ask
    left.insert(std::move(each));
  }
  name.courses = std::move(left);
}

void meta_history::may_be_erased(const std::string& name) {
  if (names_.contains(name))
    lost(asked(name, {meta_request::kind::erase, 0}));
}

size_t meta_history::unknown(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end())
    return 0;
  return static_cast<size_t>(std::count_if(found->second.open.begin(), found->second.open.end(),
                                           [](const pending& each) { return each.unknown; }));
}

} // namespace broker::sim
