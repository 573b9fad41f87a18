// Checker C10 (guarantees.md section 5): the answers that clients got to changes of the metadata are those of some
// order in which each change happens at one moment between its request and its answer (linearizability, G8).
//
// Every name (a queue, an exchange) is a register of its own: 0 = there is none, else what it was declared as.
// Declaring creates it unless it is there, and tells what is there; deleting always succeeds; looking tells what is
// there. The checker keeps every (value, what has happened of the requests under way) that explains all answers so far;
// when none is left, no order does. A request that is never answered may happen at any later time, or never.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace broker::sim {

struct meta_request {
  enum class kind : uint8_t { create, erase, look };
  kind what = kind::look;
  uint64_t value = 0; ///< of create: not 0
};

class meta_history {
public:
  using request_id = uint64_t;
  /// `broken` hears of a name whose answers no order explains.
  explicit meta_history(std::function<void(const std::string&)> broken) : broken_(std::move(broken)) {}

  request_id asked(const std::string& name, meta_request what);
  /// `value`: what is there after a create, what a look has seen; of no account for an erase.
  void answered(request_id id, uint64_t value);
  /// A look has found it there, and was not told as what.
  void seen(request_id id);
  /// A look at a queue has not found it. While a delete is under way its queue answers no more, as in RabbitMQ, though
  /// it is not deleted yet.
  void missed(request_id id);
  /// A delete of its name is under way, or may be, or was since it was asked and has come to nothing.
  bool meets_erase(request_id id) const;
  /// It certainly has not happened.
  void refused(request_id id);
  /// Nobody knows, nobody will be told.
  void lost(request_id id);
  /// An operator's change may delete it, now or later.
  void may_be_erased(const std::string& name);
  /// Requests of that name whose outcome nobody knows: each makes the others' harder to judge.
  size_t unknown(const std::string& name) const;
  uint64_t answers() const noexcept { return answers_; }

private:
  struct pending {
    request_id id = 0;
    meta_request what;
    bool unknown = false;
    bool erase_failed = false; ///< a delete of the same name has come to nothing since it was asked
  };
  /// A way things may have gone: the value, and of the requests under way those that have happened, with what result.
  struct course {
    uint64_t value = 0;
    std::map<request_id, uint64_t> happened;
    auto operator<=>(const course&) const = default;
  };
  struct name_state {
    std::vector<pending> open;
    std::set<course> courses{course{}};
    std::vector<std::string> told; ///< for people
  };
  static uint64_t happen(const meta_request& what, uint64_t& value);
  static std::set<course> all_courses(const name_state& name);
  name_state* find(request_id id, size_t& at);
  void drop(name_state& name, size_t at, const std::function<bool(const course&)>& keep);
  void settle(request_id id, const std::string& answer, const std::function<bool(uint64_t)>& fits);

  const std::function<void(const std::string&)> broken_;
  std::map<std::string, name_state> names_;
  std::map<request_id, std::string> open_;
  request_id next_ = 1;
  uint64_t answers_ = 0;
};

} // namespace broker::sim
