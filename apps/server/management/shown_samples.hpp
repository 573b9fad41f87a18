// Samples in answers: of the objects that a list shows, or of one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "management/call.hpp"
#include "management/listing.hpp"
#include "management/sampling.hpp"
#include "management/service.hpp"

namespace broker::management {

/// Nothing, and the call is answered with 400 and this error, for ages that make no sense. RabbitMQ calls it otherwise
/// in lists of queues.
std::optional<sample_ranges> asked_ranges(const call_ptr& to, std::string_view error = "bad_request");

/// By the number of the object in its list; those that are missing have no samples.
using shown_samples = std::map<size_t, named_samples>;
using shown_samples_ptr = std::shared_ptr<const shown_samples>;

/// Goes on with the samples of the objects of `from` that the answer will show, the first listed_objects of them, or at
/// once when none are asked for. Answers 400 itself, as asked_ranges. `from` is not used any more afterwards.
void with_shown_samples(const call_ptr& to, sampled_kind kind, const list_source& from,
                        const std::function<sampled_key(size_t)>& key, std::function<void(shown_samples_ptr)> then);
/// The same of one object.
void with_samples_of(const call_ptr& to, sampled_kind kind, const sampled_key& key,
                     std::function<void(shown_samples_ptr)> then);
/// Null when there are none.
const named_samples* find(const shown_samples_ptr& in, size_t i);

} // namespace broker::management
