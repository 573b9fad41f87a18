// The bridges of a node, and with them what is known of which nodes are down. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex> // layers: channels of every loop ask which nodes are down
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/caf.hpp"
#include "cluster/reachability.hpp"

namespace broker {

class bridge_directory final : public node_reachability {
public:
  /// `own`: this node's name.
  void set_own(std::string own) { own_ = std::move(own); }

  /// The bridge to `node`; `spawn` makes it if there is none, which must not call back. Its node counts as down. Null
  /// after close().
  caf::actor find_or_spawn(const std::string& node, const std::function<caf::actor()>& spawn);
  /// The session with `node` has begun or ended.
  void set_up(const std::string& node, bool up);
  /// These are in maintenance mode, no others; this node may be among them.
  void set_drained(std::set<std::string, std::less<>> nodes);
  std::set<std::string, std::less<>> drained() const;

  bool is_down(std::string_view node) const override;
  std::vector<std::string> reachable() const override;
  std::vector<caf::actor> all() const;
  std::vector<caf::actor> of_tag(uint32_t tag) const;
  /// A node of that tag can be reached.
  bool tag_is_up(uint32_t tag) const;
  /// Forgets all bridges, and makes no more: the actor system is about to end, and nothing may hold an actor then.
  std::vector<caf::actor> close();

private:
  struct entry {
    caf::actor bridge;
    bool up = false;
  };
  std::string own_;
  mutable std::mutex mutex_;
  std::map<std::string, entry, std::less<>> nodes_;
  bool closed_ = false;
  std::set<std::string, std::less<>> drained_;
};

} // namespace broker
