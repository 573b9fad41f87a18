// Lists and objects as GETs want them: columns=, sort=, sort_reverse=, page=, page_size=, name=, use_regex=
// (features.md O21), with RabbitMQ's answers to what makes no sense.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "management/call.hpp"
#include "management/json_writer.hpp"

namespace broker::management {

/// Writes the fields of one object into it.
using field_function = std::function<void(object_writer&)>;

/// Objects of a list, in the order they have when nobody asks for another.
struct list_source {
  size_t size = 0;
  /// Writes the fields of object `i`; or `text` gives it as ready JSON.
  std::function<void(size_t i, object_writer& to)> write;
  std::function<std::string_view(size_t i)> text = {};
  /// What name= is compared with.
  std::function<std::string_view(size_t i)> name;
  bool name_is_member = false; ///< and it is the member "name" of the object
};

/// Answers as the same caller was answered to the same question, if what that was made of is still good.
bool answer_again(const call_ptr& to);
/// Answers the call: an array, or a page of it. `good_until_ms` (service::now): how long answer_again may give it to
/// who asks the same; 0 = not at all.
void answer_list(const call_ptr& to, const list_source& from, uint64_t good_until_ms = 0);
/// The objects that answer_list will show, the first `most` of them; none if it will refuse to.
std::vector<size_t> shown_first(const call_ptr& to, const list_source& from, size_t most);
/// Answers the call with one object, of which columns= may choose fields.
void answer_object(const call_ptr& to, const field_function& write, uint64_t good_until_ms = 0);
void answer_object(const call_ptr& to, std::string_view json);

} // namespace broker::management
