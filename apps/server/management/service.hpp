// What the management API stands on: the node itself, what other nodes report, samples over time, channels on behalf of
// users. One per run of the app, with a thread of its own (net/http/http_server.hpp), which also answers HTTP if ports
// are configured; without ports it only answers other nodes.
//
// Thread rule: members are used on that thread, unless they say otherwise. Nothing here waits.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "management/answer_cache.hpp"
#include "management/events.hpp"
#include "management/exchange_stats.hpp"
#include "management/history.hpp"
#include "management/kept_answer.hpp"
#include "management/sampling.hpp"
#include "management/sessions.hpp"
#include "metadata/snapshot.hpp"
#include "net/http/http_server.hpp"
#include "net/http/url.hpp"
#include "net/login_guard.hpp"
#include "node_view.hpp"
#include "queue/queue_look.hpp"

namespace broker {
class operator_channel;
}

namespace broker::management {

struct port {
  std::string host; ///< "" = not served
  uint16_t number = 0;
};

/// What the service has of its node; all of it outlives the service. Everything may be called from any thread, and
/// call-backs come from any.
struct host {
  node_view& node; ///< only what needs no control thread: metadata, propose, lists, name
  const node_config& config;
  /// Runs work on the control thread, where node_view::facts and the like may be asked.
  std::function<void(std::function<void()>)> on_control;
  /// Answers what tools may ask, on the control thread.
  std::function<void(control::request, control::reply)> run_verb;
  std::function<void(login, std::string, std::function<void(ref<operator_channel>)>)> open_channel;
  std::function<void(std::function<void(activity_report)>)> activity;
  /// What was published to exchanges here; those that do not exist are forgotten.
  std::function<std::vector<exchange_report>(const exchange_totals::exists_function&)> exchanges;
  std::function<void(std::function<void(std::vector<queue_info>)>)> own_queues; ///< with their master here
  std::function<void(queue_ptr, std::function<void(std::vector<queue_info>)>)> ask_queue;
  std::function<void(queue_ptr, std::function<void(std::vector<consumer_info>)>)> ask_consumers;
  /// Of queues with their master here; empty: it has ended, or too many look.
  std::function<void(queue_ptr, look_order, std::function<void(std::vector<look_answer>)>)> look;
  std::function<void(queue_ptr, std::function<void(std::vector<queue_flow>)>)> flow_of;
  /// For how long this node has had no majority of its cluster; 0 = it has one.
  std::function<uint64_t()> cut_off_for_ms;
  std::function<uint64_t()> now_ms; ///< monotonic
  std::function<uint64_t()> unix_ms;
  std::function<void(log_level, const std::string&)> say;
};

/// A connection or channel of some node: what is asked about it, and the object as /api/connections shows it.
struct object_row {
  uint64_t connection = 0;
  std::string name;
  std::string user;
  std::string vhost;
  std::string node;
  std::string json;
};
using object_rows = std::shared_ptr<const std::vector<object_row>>;
using queue_infos = std::shared_ptr<const std::vector<queue_info>>;
/// One JSON text per member of the cluster, by name: what /api/nodes shows and `stats` for the overview. A node that is
/// down has its name only.
using node_texts = std::shared_ptr<const std::map<std::string, std::string>>;

/// An object in whose samples somebody is interested.
struct sampled_key {
  std::string node; ///< that has them
  std::string key;
};

class service {
  http::server server_; // first: `post` is its

public:
  explicit service(host of);
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Binds what is configured. Error: a port that was named is taken; a port that follows from the AMQP port is only
  /// said to be taken. Not on the service's thread, as start() and stop().
  result<void> open();
  void start();
  /// Ends the thread. No call-back touches the service afterwards. May be repeated.
  void stop();
  uint16_t management_port() const { return management_port_; }
  uint16_t prometheus_port() const { return prometheus_port_; }

  /// What other nodes ask (verb management_report). Any thread; answered once, or not at all once the service has
  /// stopped.
  void report(const control::request& what, control::reply done);

  // -- for handlers --
  const host around;
  std::function<void(std::function<void()>)> post; ///< to the service's thread; any thread
  /// Runs `work` regularly while it answers true. On the service's thread.
  void while_wanted(uint64_t interval_ms, std::function<bool()> work);
  login_guard guard;
  session_table sessions;
  const session_keys& keys();
  /// By the value of a cookie, of whichever node of the cluster; see session_table::find.
  const login_session* find_session(std::string_view value);
  /// Here and at the nodes that can be reached at once, and with the metadata everywhere and for good; then calls back,
  /// on any thread, whether the metadata have it yet or not. Its event streams end now.
  void end_session(const std::string& id, std::function<void()> then);
  /// Of those that have ended elsewhere, or before this node was started.
  void learn_ended_sessions();
  moment now() const { return {around.now_ms(), around.unix_ms(), around.cut_off_for_ms()}; }
  event_streams events;
  answer_cache known_answers;
  history samples;
  sample_log usage{sample_log::rings_of_node}; ///< of the node's means: usage_of
  node_activity latest;

  void facts(std::function<void(node_facts)> then);
  /// Of all running nodes; those that do not answer are left out. At most a second old.
  void connections(std::function<void(object_rows)> then);
  void channels(std::function<void(object_rows)> then);
  /// Of all nodes, by vhost and name. As new as the metadata were when it was asked for, and at most a second old, or
  /// five where asking takes so long that it would be done for more than a fiftieth of the time.
  void queues(std::function<void(queue_infos)> then);
  /// Of all nodes. At most a second old, but for a change of who is there or can be reached, which is seen at once.
  void nodes(sample_range range, std::function<void(node_texts)> then);
  /// Of all nodes. At most a second old.
  void exchanges(std::function<void(exchange_map_ptr)> then);
  // -- until when (monotonic ms) the last of these lists is good --
  uint64_t queues_good_until() const { return queues_.made_ms + queues_.age_ms; }
  uint64_t connections_good_until() const { return connections_.made_ms() + list_age_ms; }
  uint64_t channels_good_until() const { return channels_.made_ms() + list_age_ms; }
  uint64_t exchanges_good_until() const { return exchanges_.made_ms() + list_age_ms; }
  uint64_t nodes_good_until(sample_range range) const; ///< 0: that range is not kept
  /// Of objects of one kind, as many as there are keys and in their order; those of a node that does not answer are
  /// empty. A key's node is "" for exchanges, which every node has a part of.
  void samples_of(sampled_kind kind, const sample_ranges& asked, const std::vector<sampled_key>& keys,
                  std::function<void(const std::vector<named_samples>&)> then);
  /// Ended by itself when nobody is answered for thirty seconds. False: too many are open.
  bool open_channel(login who, const std::string& vhost, std::function<void(const ref<operator_channel>&)> then);

  // -- http logins (features.md O42) --
  uint64_t logins = 0;
  uint64_t logins_failed = 0;

private:
  static constexpr const char* report_verb = "management_report";
  /// A list is good for this long: ten people who look every second ask once.
  static constexpr uint64_t list_age_ms = 1'000;
  static constexpr uint64_t list_age_max_ms = 5'000;
  /// Of one whose making took so long.
  static uint64_t age_of(uint64_t took_ms) { return std::clamp(50 * took_ms, list_age_ms, list_age_max_ms); }
  /// Ranges of samples whose nodes are kept; own choice. Whoever wants another beyond that asks all nodes.
  static constexpr size_t node_ranges_max = 64;
  using node_answers = std::vector<std::pair<std::string, control::response>>;
  struct ranged_nodes {
    kept_answer<node_texts> texts;
    uint64_t version = 0; ///< of the metadata when they were asked for
    std::vector<std::string> unreachable;
  };
  /// As kept_answer; one that was asked for before the metadata changed is not good enough.
  struct queue_list {
    queue_infos infos;
    uint64_t made_ms = 0;
    uint64_t age_ms = 0;  ///< how old it may become
    uint64_t version = 0; ///< of the metadata when `infos` were asked for
    uint64_t began_ms = 0;
    bool under_way = false;
    struct asker {
      uint64_t version = 0;
      std::function<void(queue_infos)> then;
    };
    std::vector<asker> waiting;
  };
  void ask_queues();
  void answer_queues(std::vector<queue_info> infos);
  void sample();
  void sample_node(uint64_t now_s);
  void sample_connections(uint64_t now_s);
  void begin_connections(uint64_t now_s, const std::vector<std::string>& keys);
  std::vector<named_samples> own_samples(sampled_kind kind, const sample_ranges& asked,
                                         const std::vector<std::string>& keys);
  void tell_ended_sessions(std::function<void()> then);
  /// Goes on when `latest` is young enough; see queues().
  void refresh(std::function<void()> then);
  void take_activity(std::function<void()> then);
  void take(const activity_report& now);
  void end_late_channels();
  void answer_report(const control::request& what, const control::reply& done);
  object_row connection_row(const connection_info& from);
  void ask_others(std::vector<std::string> what, std::function<void(node_answers)> then);
  void ask_rows(const std::string& kind, std::function<void(object_rows, uint64_t)> then);
  void ask_nodes(sample_range range, std::function<void(node_texts, uint64_t)> then);
  exchange_map own_exchanges();
  void forget_lists();
  void own_rows(const std::string& kind, std::function<void(std::vector<object_row>)> then);
  void own_node(sample_range range, std::function<void(std::string)> then);
  std::vector<std::string> other_members() const;

  uint16_t management_port_ = 0;
  uint16_t prometheus_port_ = 0;
  std::unique_ptr<session_keys> keys_;
  uint64_t keys_cluster_ = 0;                  ///< what they were made for
  uint64_t learned_version_ = UINT64_MAX;      ///< of the metadata
  std::map<std::string, std::string> learned_; ///< by node, what it tells of ended sessions
  uint64_t latest_age_ms_ = 0;                 ///< how old `latest` may become
  uint64_t latest_ms_ = 0;                     ///< when `latest` was taken
  std::vector<std::function<void()>> awaiting_activity_;
  sample_store store_;
  uint64_t intervals_ = 0;    ///< since channels and queues were sampled
  uint64_t due_sample_s_ = 0; ///< the activity that is on its way is for this interval too; 0 = it is not
  kept_answer<object_rows> connections_;
  kept_answer<object_rows> channels_;
  kept_answer<exchange_map_ptr> exchanges_;
  exchange_looks exchange_looks_;
  std::map<std::pair<uint64_t, uint64_t>, ranged_nodes> nodes_; ///< by age and step
  queue_list queues_;
  struct traffic {
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t looked_ms = 0;
    double received_rate = 0;
    double sent_rate = 0;
  };
  std::map<connection_id, traffic> traffic_; ///< of this node's connections, as of the last list
  struct open_one {
    ref<operator_channel> channel;
    uint64_t due_ms = 0;
  };
  std::vector<open_one> open_channels_;
};

} // namespace broker::management
