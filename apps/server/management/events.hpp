// GET /api/events: server-sent events for pages that show what goes on (features.md U23). A client names GETs of the
// API; their answers come when they are other than the last time: soon after the metadata or the set of nodes that can
// be reached have changed, and every few seconds for what is only counted. Whoever is slow gets fewer answers, and who
// takes nothing for ten seconds is dropped (net/http). All streams together take at most half of the HTTP thread.
//
// Rights are those of the moment: a stream ends with its log-in. On the HTTP thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "management/call.hpp"
#include "net/http/http_message.hpp"

namespace broker::management {

class event_streams {
public:
  static constexpr uint64_t turn_ms = 200;           ///< how soon a change is noticed
  static constexpr size_t streams_max = 64;          ///< of the node; 503 beyond. Own choice
  static constexpr size_t streams_per_user_max = 16; ///< own choice
  static constexpr size_t paths_max = 8;             ///< of one stream
  static constexpr uint64_t interval_min_ms = 1'000;
  static constexpr uint64_t interval_max_ms = 60'000;
  static constexpr uint64_t interval_default_ms = 2'000;
  static constexpr uint64_t answer_time_ms = 60'000; ///< a stream whose answers do not come ends
  static constexpr uint64_t comment_ms = 15'000;     ///< something is sent at least so often, so that proxies keep it

  explicit event_streams(service& at) : at_(at) {}

  /// Answers GET /api/events?path=..&path=..&every=MS.
  void open(const call_ptr& from);
  /// Every turn_ms while there are streams, and when a log-in has ended.
  void turn();
  size_t size() const { return streams_.size(); }

private:
  struct watched {
    std::string target;
    uint64_t last = 0; ///< digest of what was sent last; 0 = nothing yet
  };
  struct stream {
    std::weak_ptr<http::response_stream> out;
    caller by;
    uint64_t interval_ms = 0;
    std::vector<watched> paths;
    size_t under_way = 0; ///< answers that are awaited
    uint64_t began_ms = 0;
    uint64_t due_ms = 0;
    uint64_t sent_ms = 0;
    uint64_t metadata_version = 0;
    std::vector<std::string> unreachable;
  };
  using stream_ptr = std::shared_ptr<stream>;

  bool has_news(const stream& one) const;
  void look(const stream_ptr& one);
  void answered(const stream_ptr& one, size_t which, const http::response& what);

  service& at_;
  std::vector<stream_ptr> streams_;
  bool turns_ = false; ///< it will be called again
};

} // namespace broker::management
