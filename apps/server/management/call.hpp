// One request to the management API under way, and how it is answered (features.md O14-O20). Handlers run on the HTTP
// thread; their answers may come from any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/ref_counted.hpp"
#include "management/sessions.hpp"
#include "metadata/snapshot.hpp"
#include "net/http/http_message.hpp"
#include "net/http/url.hpp"
#include "node_view.hpp"

namespace broker {
class operator_channel;
}

namespace broker::management {

class service;

/// Who asks. Tags as RabbitMQ reads them: administrator includes all others, monitoring and policymaker include
/// management.
struct caller {
  login who;
  bool administrator = false;
  bool monitoring = false;
  bool policymaker = false;
  bool management = false;
  proof_of_login proof;
  uint64_t session = 0; ///< login_session::number; 0: with a password
};
caller caller_of(login who);

struct call {
  http::request in;
  http::target target;
  std::vector<std::string> names; ///< what stands in the path where the route has a blank
  caller by;
  http::responder done;
  service& in_service; ///< on the HTTP thread only
  /// Runs work on the HTTP thread; any thread, also when the service has gone.
  std::function<void(std::function<void()>)> post;
  snapshot_ptr metadata;

  const std::string& name(size_t i) const { return names[i]; }
};
using call_ptr = std::shared_ptr<call>;

// -- answers --
void answer(const call_ptr& to, unsigned status, std::string json = {});
void answer(const call_ptr& to, unsigned status, http::header_list headers);
/// {"error":..,"reason":..}
void fail(const call_ptr& to, unsigned status, std::string_view error, std::string_view reason);
/// Likewise with a reason that is JSON already.
void fail_json(const call_ptr& to, unsigned status, std::string_view error, std::string_view reason);
void not_found(const call_ptr& to);
void bad_request(const call_ptr& to, std::string_view reason);
http::response json_response(unsigned status, std::string json);

// -- what comes in --
/// The body as a JSON object; an empty body is an empty one. Nothing, and the call is answered with 400, for anything
/// else, or when one of `required` is missing.
std::optional<nlohmann::json> object_of(const call_ptr& from, std::initializer_list<std::string_view> required = {});
/// A member that is a boolean, also as the text "true" or "false"; absent is `otherwise`. Nothing, and 400, for
/// anything else.
std::optional<bool> truth_of(const call_ptr& from, const nlohmann::json& object, const char* name, bool otherwise);
/// Tags of users and vhosts: "a, b" or ["a", "b"]. Nothing for anything else.
std::optional<std::vector<std::string>> tags_of(const nlohmann::json& given);

// -- changes --
/// Proposes; 204, or 201 when `created`, or 400 with the reason of the refusal.
void propose(const call_ptr& from, command what, bool created = false);
/// Opens a channel for the caller on the vhost and goes on, on any thread; answers 401 without access.
void with_channel(const call_ptr& from, const std::string& vhost,
                  std::function<void(const ref<operator_channel>&)> then);
/// The channel's error as an HTTP one.
void fail(const call_ptr& to, const error& why);

/// Vhosts whose objects the caller may see in lists.
bool sees_vhost(const call& from, std::string_view vhost);
/// The same, looked up once for each vhost: there may be ten thousand queues in it. `from` outlives it.
class vhost_sight {
public:
  explicit vhost_sight(const call& from) : from_(from) {}
  bool sees(const std::string& vhost);

private:
  const call& from_;
  std::map<std::string, bool> known_;
};
/// Has the caller a permission there?
bool has_access(const call& from, std::string_view vhost);

} // namespace broker::management
