#include "management/events.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "management/json_writer.hpp"
#include "management/login.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace events_part {
namespace {

/// One event of the text/event-stream format: {"path":N,"status":200,"body":...} in one line.
std::string event_of(size_t which, const http::response& what) {
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("path", which);
    to.add("status", what.status);
    to.add_raw("body", what.body.empty() ? "null" : what.body);
  }
  std::string text = "data: " + out.take();
  // JSON has line ends between its tokens only.
  std::replace_if(
    text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text + "\n\n";
}

uint64_t digest_of(const http::response& what) {
  const uint64_t digest = std::hash<std::string_view>{}(what.body) * 31 + what.status;
  return digest == 0 ? 1 : digest;
}

uint64_t interval_in(const call& from) {
  uint64_t wanted = event_streams::interval_default_ms;
  if (const auto text = from.target.value("every"))
    std::from_chars(text->data(), text->data() + text->size(), wanted);
  return std::clamp(wanted, event_streams::interval_min_ms, event_streams::interval_max_ms);
}

void events(const call_ptr& to) {
  to->in_service.events.open(to);
}

} // namespace
} // namespace events_part

void event_streams::open(const call_ptr& from) {
  auto added = std::make_shared<stream>();
  for (const auto& [name, value] : from->target.query)
    if (name == "path")
      added->paths.push_back({value, 0});
  if (added->paths.empty() || added->paths.size() > paths_max)
    return bad_request(from, "name one to eight paths");
  const auto of_user = std::count_if(streams_.begin(), streams_.end(), [&](const stream_ptr& each) {
    return !each->out.expired() && each->by.who.user == from->by.who.user;
  });
  if (streams_.size() >= streams_max || static_cast<size_t>(of_user) >= streams_per_user_max)
    return fail(from, 503, "service_unavailable", "too many event streams are open");
  added->by = from->by;
  added->interval_ms = events_part::interval_in(*from);
  auto head = json_response(200, "retry: 2000\n\n");
  head.headers.back().second = "text/event-stream";
  head.headers.emplace_back("x-accel-buffering", "no");
  head.stream = [this, added](std::weak_ptr<http::response_stream> out) {
    added->out = std::move(out);
    streams_.push_back(added);
    look(added);
    if (!std::exchange(turns_, true))
      at_.while_wanted(turn_ms, [this] {
        turn();
        return turns_ = !streams_.empty();
      });
  };
  from->done(std::move(head));
}

void event_streams::turn() {
  std::erase_if(streams_, [](const stream_ptr& each) { return each->out.expired(); });
  const uint64_t now = at_.around.now_ms();
  const auto all = streams_;
  if (!all.empty())
    at_.learn_ended_sessions();
  for (const auto& each : all) {
    const auto out = each->out.lock();
    if (!out)
      continue;
    if (each->by.session != 0 && !at_.sessions.still_open(each->by.session, at_.now())) {
      out->end();
      continue;
    }
    if (each->under_way != 0 && now >= each->began_ms + answer_time_ms)
      out->end(); // it comes again
    if (each->under_way != 0 || out->waiting() != 0)
      continue;
    if (now >= each->due_ms || (now >= each->began_ms + turn_ms && has_news(*each)))
      look(each);
    else if (now >= each->sent_ms + comment_ms) {
      each->sent_ms = now;
      out->send(":\n\n");
    }
  }
}

bool event_streams::has_news(const stream& one) const {
  return at_.around.node.metadata()->version() != one.metadata_version
      || at_.around.node.unreachable() != one.unreachable;
}

void event_streams::look(const stream_ptr& one) {
  const auto out = one->out.lock();
  auto by = caller_as_of_now(at_, one->by.proof, one->by.session);
  if (!out)
    return;
  if (!by)
    return out->end();
  one->by = *std::move(by);
  one->began_ms = at_.around.now_ms();
  one->due_ms = one->began_ms + one->interval_ms;
  one->metadata_version = at_.around.node.metadata()->version();
  one->unreachable = at_.around.node.unreachable();
  one->under_way = one->paths.size();
  for (size_t i = 0; i < one->paths.size(); ++i)
    serve_get(at_, one->by, one->paths[i].target, [this, post = at_.post, one, i](http::response what) {
      post([this, one, i, what = std::move(what)] { answered(one, i, what); });
    });
}

void event_streams::answered(const stream_ptr& one, size_t which, const http::response& what) {
  const uint64_t now = at_.around.now_ms();
  if (--one->under_way == 0)
    one->due_ms = std::max(one->due_ms, now + 2 * streams_.size() * (now - one->began_ms));
  const auto out = one->out.lock();
  if (!out)
    return;
  auto& path = one->paths[which];
  const uint64_t digest = events_part::digest_of(what);
  if (std::exchange(path.last, digest) == digest)
    return;
  one->sent_ms = now;
  out->send(events_part::event_of(which, what));
}

std::span<const route> event_routes() {
  static constexpr route all[] = {
    {"GET", "events", rule::management, events_part::events, false, true},
  };
  return all;
}

} // namespace broker::management
