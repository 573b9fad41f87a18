#include "management/listing.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/limits.hpp"
#include "management/service.hpp"
#include "management/sort_key.hpp"

namespace broker::management {

namespace {

using nlohmann::json;

constexpr size_t page_size_max = 500;     // RabbitMQ's
constexpr size_t page_size_default = 100; // RabbitMQ's

/// "a.b" is the member b of the member a.
std::vector<std::string> split_path(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t dot = std::min(text.find('.'), text.size());
    parts.emplace_back(text.substr(0, dot));
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return parts;
}

/// Columns that were asked for; empty: all.
struct column_choice {
  std::vector<std::vector<std::string>> paths;
  std::vector<std::string> top; ///< first parts of the paths
  bool deep = false;            ///< some path has more than one part

  explicit column_choice(const http::target& from) {
    auto text = from.value("columns");
    if (!text)
      return;
    std::string_view left = *text;
    while (!left.empty()) {
      const size_t comma = std::min(left.find(','), left.size());
      if (auto path = split_path(left.substr(0, comma)); !path.empty()) {
        top.push_back(path.front());
        deep = deep || path.size() > 1;
        paths.push_back(std::move(path));
      }
      left.remove_prefix(std::min(comma + 1, left.size()));
    }
  }
};

/// Adds what `path` names in `from` to `to`.
void copy_path(const json& from, json& to, std::span<const std::string> path) {
  if (!from.is_object())
    return;
  const auto found = from.find(path.front());
  if (found == from.end())
    return;
  if (path.size() == 1) {
    to[path.front()] = *found;
    return;
  }
  json part = to.contains(path.front()) ? to[path.front()] : json::object();
  copy_path(*found, part, path.subspan(1));
  to[path.front()] = std::move(part);
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The whole object, or its wanted members.
std::string pruned(std::string_view text, const column_choice& columns) {
  const json whole = json::parse(text, nullptr, false);
  json part = json::object();
  for (const auto& path : columns.paths)
    copy_path(whole, part, path);
  return dump(part);
}

/// Objects of a list are about as long as its first ones.
constexpr size_t typical_objects = 16;

class list_maker {
public:
  list_maker(const list_source& from, const http::target& asked) : from_(from), columns_(asked) {}

  /// An array of these objects.
  void write(std::span<const size_t> which, json_writer& out) const {
    const size_t before = out.size();
    out.begin_array();
    for (size_t i = 0; i < which.size(); ++i) {
      if (i == typical_objects)
        out.reserve(before + (out.size() - before) / typical_objects * which.size() / 10 * 11);
      write(which[i], out);
    }
    out.end_array();
  }

  void write(size_t i, json_writer& out) const {
    if (from_.text)
      return out.raw(columns_.paths.empty() ? std::string{from_.text(i)} : pruned(from_.text(i), columns_));
    if (!columns_.deep)
      return write_fields(i, out, columns_.top);
    json_writer whole;
    write_fields(i, whole, columns_.top);
    out.raw(pruned(whole.text(), columns_));
  }

  sort_key key(size_t i, std::span<const std::string> path) const {
    if (from_.text)
      return sort_key_in(from_.text(i), path);
    json_writer out;
    write_fields(i, out, path.first(1));
    return sort_key_in(out.text(), path);
  }

private:
  void write_fields(size_t i, json_writer& out, std::span<const std::string> wanted) const {
    object_writer to{out, wanted};
    from_.write(i, to);
  }

  const list_source& from_;
  const column_choice columns_;
};

/// What name= keeps. Nothing: use_regex with something that is no regular expression.
std::optional<std::vector<size_t>> filtered(const list_source& from, const http::target& asked) {
  std::vector<size_t> all(from.size);
  std::iota(all.begin(), all.end(), size_t{0});
  const auto pattern = asked.value("name");
  if (!pattern)
    return all;
  const auto* regex = asked.find("use_regex");
  if (regex != nullptr && *regex == "true") {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(limits::pattern_memory_bytes);
    const re2::RE2 expression{*pattern, options};
    if (!expression.ok())
      return {};
    std::erase_if(all, [&](size_t i) {
      const auto name = from.name(i);
      return !re2::RE2::PartialMatch(re2::StringPiece{name.data(), name.size()}, expression);
    });
    return all;
  }
  const auto lower = [](std::string text) {
    for (char& c : text)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
  };
  const std::string wanted = lower(*pattern);
  std::erase_if(all, [&](size_t i) { return lower(std::string{from.name(i)}).find(wanted) == std::string::npos; });
  return all;
}

void sort(std::vector<size_t>& order, const list_source& from, const list_maker& maker, const http::target& asked) {
  const auto by = asked.value("sort");
  const auto path = by ? split_path(*by) : std::vector<std::string>{};
  if (from.name_is_member && path.size() == 1 && path.front() == "name") { // no object has to be made for it
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return from.name(a) < from.name(b); });
  } else if (!path.empty()) {
    std::vector<std::pair<sort_key, size_t>> keyed;
    keyed.reserve(order.size());
    for (const size_t i : order)
      keyed.emplace_back(maker.key(i, path), i);
    std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = keyed[i].second;
  }
  if (const auto* reverse = asked.find("sort_reverse"); reverse != nullptr && *reverse == "true")
    std::reverse(order.begin(), order.end());
}

std::optional<size_t> number(const http::target& from, std::string_view name, size_t otherwise) {
  const auto text = from.value(name);
  if (!text)
    return otherwise;
  size_t value = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
  return read.ec == std::errc{} && read.ptr == text->data() + text->size() ? std::optional{value} : std::nullopt;
}

/// Whoever asks, as of which metadata, and while which nodes can be reached: a change of those, of rights too, makes it
/// another question.
std::string question_of(const call& from) {
  std::string question = from.by.who.user + '\n' + std::to_string(from.metadata->version()) + '\n' + from.in.target;
  for (const auto& node : from.in_service.around.node.unreachable())
    question += '\n' + node;
  return question;
}

void answer_and_keep(const call_ptr& to, std::string text, uint64_t good_until_ms) {
  if (good_until_ms != 0)
    to->in_service.known_answers.keep(question_of(*to), text, to->in_service.now().monotonic_ms, good_until_ms);
  answer(to, 200, std::move(text));
}

/// Of `size` objects in all.
struct page_bounds {
  std::optional<size_t> page;
  std::optional<size_t> page_size;
  size_t pages = 0;
  size_t first = 0;
  size_t last = 0;

  page_bounds(const http::target& asked, size_t size)
    : page(number(asked, "page", 1)), page_size(number(asked, "page_size", page_size_default)) {
    if (!is_valid())
      return;
    pages = size / *page_size + (size % *page_size != 0 ? 1 : 0);
    first = std::min((*page - 1) * *page_size, size);
    last = std::min(first + *page_size, size);
  }
  bool is_valid() const { return page && page_size && *page != 0 && *page_size != 0 && *page_size <= page_size_max; }
};

void answer_page(const call_ptr& to, const list_source& from, const list_maker& maker, const std::vector<size_t>& order,
                 uint64_t good_until_ms) {
  const page_bounds bounds{to->target, order.size()};
  const auto& [page, size, pages, first, last] = bounds;
  if (!page || !size)
    return bad_request(to, "Pagination parameters are invalid");
  const std::string asked = std::to_string(*page);
  if (!bounds.is_valid())
    return fail(to, 400, "invalid_pagination_parameters",
                "Invalid pagination parameters: page number " + asked + ", page size " + std::to_string(*size));
  if (*page > 1 && *page > pages)
    return fail(to, 400, "page_out_of_range",
                "Page out of range, page: " + asked + " page size: " + std::to_string(*size)
                  + ", len: " + std::to_string(order.size()));
  json_writer out;
  {
    object_writer head{out, {}};
    head.add("filtered_count", order.size());
    head.add("item_count", last - first);
    out.key("items");
    maker.write(std::span{order}.subspan(first, last - first), out);
    head.add("page", *page);
    head.add("page_count", std::max<size_t>(pages, 1));
    head.add("page_size", *size);
    head.add("total_count", from.size);
  }
  answer_and_keep(to, out.take(), good_until_ms);
}

} // namespace

bool answer_again(const call_ptr& to) {
  const auto* text = to->in_service.known_answers.find(question_of(*to), to->in_service.now().monotonic_ms);
  if (text == nullptr)
    return false;
  answer(to, 200, *text);
  return true;
}

void answer_list(const call_ptr& to, const list_source& from, uint64_t good_until_ms) {
  const list_maker maker{from, to->target};
  const auto* page = to->target.find("page");
  // name= is a filter of pages; lists that are not paged are whole, as RabbitMQ's.
  auto order = page != nullptr ? filtered(from, to->target) : filtered(from, http::target{});
  if (!order)
    return bad_request(to, "Pagination parameters are invalid");
  sort(*order, from, maker, to->target);
  if (page != nullptr)
    return answer_page(to, from, maker, *order, good_until_ms);
  json_writer out;
  maker.write(*order, out);
  answer_and_keep(to, out.take(), good_until_ms);
}

std::vector<size_t> shown_first(const call_ptr& to, const list_source& from, size_t most) {
  const list_maker maker{from, to->target};
  const bool paged = to->target.find("page") != nullptr;
  auto order = paged ? filtered(from, to->target) : filtered(from, http::target{});
  if (!order)
    return {};
  sort(*order, from, maker, to->target);
  if (paged) {
    const page_bounds bounds{to->target, order->size()};
    order->resize(bounds.last);
    order->erase(order->begin(), order->begin() + static_cast<ptrdiff_t>(bounds.first));
  }
  order->resize(std::min(order->size(), most));
  return *std::move(order);
}

void answer_object(const call_ptr& to, const field_function& write, uint64_t good_until_ms) {
  const column_choice columns{to->target};
  json_writer out;
  {
    object_writer object{out, columns.top};
    write(object);
  }
  answer_and_keep(to, columns.deep ? pruned(out.text(), columns) : out.take(), good_until_ms);
}

void answer_object(const call_ptr& to, std::string_view text) {
  const column_choice columns{to->target};
  answer(to, 200, columns.paths.empty() ? std::string{text} : pruned(text, columns));
}

} // namespace broker::management
