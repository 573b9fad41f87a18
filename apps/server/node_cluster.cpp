#include "node_cluster.hpp"

#include <sys/random.h>

#include <algorithm>
#include <charconv>

#include "app_data.hpp"
#include "member_file.hpp"
#include "metadata/recovery.hpp"
#include "node_peers.hpp"
#include "persistence/metadata_store.hpp"
#include "persistence/posix_files.hpp"

namespace broker {

namespace {

constexpr uint16_t exit_usage = 64;
constexpr uint16_t exit_unavailable = 69;

/// An Erlang term as RabbitMQ's tools print it: tests of operators look for its first word.
error term(const char* name, const std::string& text) {
  return {exit_unavailable, "{:" + std::string{name} + ", '" + text + "'}"};
}

const std::string* text_of(const control::response& answer, std::string_view column) {
  for (size_t i = 0; i < answer.columns.size() && answer.rows.size() == 1; ++i)
    if (answer.columns[i] == column)
      return std::get_if<std::string>(&answer.rows[0][i].content);
  return nullptr;
}

uint64_t number_of(const control::response& answer, std::string_view column) {
  const auto* text = text_of(answer, column);
  uint64_t number = 0;
  if (text != nullptr)
    std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

/// The store of a node whose app is stopped.
struct stored {
  std::unique_ptr<posix_files> files;
  std::unique_ptr<leveldb_metadata_store> store;
  metadata_identity who; ///< zeros for a blank node

  static result<stored> open(const node_config& config) {
    stored it;
    auto files = posix_files::open(config.data_dir.string());
    if (!files)
      return files.error();
    it.files = *std::move(files);
    auto opened = leveldb_metadata_store::open(*it.files, config.data_dir.string(), "metadata");
    if (!opened)
      return opened.error();
    it.store = *std::move(opened);
    auto loaded = it.store->load();
    if (!loaded)
      return loaded.error();
    it.who = loaded->identity.value_or(metadata_identity{});
    return it;
  }
};

result<metadata_identity> identity_of(const node_config& config) {
  auto data = stored::open(config);
  if (!data)
    return data.error();
  return data->who;
}

control::request about_me(std::string verb, const node_config& config, const metadata_identity& who) {
  return {
    std::move(verb),
    {config.node_name, std::to_string(who.cluster), std::to_string(who.self), std::to_string(config.distribution_port)},
    {},
    {}};
}

} // namespace

result<cluster_operations::join_outcome> node_cluster::join(const std::string& seed) {
  auto before = identity_of(config_);
  if (!before)
    return before.error();
  auto answer = ask_peer(config_, seed, about_me("admit_node", config_, *before));
  if (!answer)
    return answer.error();
  if (answer->exit_code == exit_usage) // its app does not run
    return error{exit_unavailable, "node " + seed + ": " + answer->error};
  if (answer->exit_code != 0)
    return error{refused, answer->error};
  metadata_identity mine;
  mine.cluster = number_of(*answer, "cluster");
  mine.self = number_of(*answer, "node");
  if (mine.cluster == 0 || mine.self == 0)
    return error{exit_unavailable, "node " + seed + " gave an answer that this version does not understand"};
  if (mine.cluster == before->cluster && mine.self == before->self)
    return join_outcome::already_member;
  if (auto wiped = wipe_app_data(config_.data_dir); !wiped)
    return wiped.error();
  auto data = stored::open(config_);
  if (!data)
    return data.error();
  if (auto prepared = prepare_to_join(*data->store, mine.cluster, mine.self); !prepared)
    return prepared.error();
  if (auto written = write_members(config_.data_dir, {config_.node_name, seed}); !written)
    return written.error();
  return join_outcome::joined;
}

result<void> node_cluster::leave() {
  auto others = read_members(config_.data_dir);
  std::erase(others, config_.node_name);
  if (others.empty())
    return {};
  auto mine = identity_of(config_);
  if (!mine)
    return mine.error();
  std::string refusals;
  bool heard = false;
  for (const auto& node : others) {
    const auto answer = ask_peer(config_, node, about_me("release_node", config_, *mine));
    if (answer && answer->exit_code == 0)
      return {};
    heard |= answer.ok();
    refusals += "\n" + (answer ? answer->error : answer.error().text);
  }
  if (heard)
    return error{refused, "the other members cannot let this node go:" + refusals};
  auto alone = term("no_running_cluster_nodes", "You cannot leave a cluster if no online nodes are present.");
  alone.text += refusals;
  return alone;
}

std::vector<std::string> node_cluster::stored_members() const {
  return read_members(config_.data_dir);
}

result<void> node_cluster::go_alone() {
  if (stored_members().size() < 2)
    return {};
  auto data = stored::open(config_);
  if (!data)
    return data.error();
  uint64_t fresh = 0;
  BROKER_ASSERT(getrandom(&fresh, sizeof fresh, 0) == sizeof fresh, "no randomness from the kernel");
  const auto before = become_only_member(*data->store, fresh | 1);
  return before ? result<void>{} : result<void>{before.error()};
}

result<void> node_cluster::forget_offline(const std::string& node) {
  auto left = stored_members();
  if (node == config_.node_name || std::find(left.begin(), left.end(), node) == left.end())
    return term("not_a_cluster_node", "The node selected is not in the cluster.");
  auto gone = read_forgotten(config_.data_dir);
  if (std::find(gone.begin(), gone.end(), node) == gone.end())
    gone.push_back(node);
  if (auto written = write_forgotten(config_.data_dir, gone); !written)
    return written;
  std::erase_if(left, [&](const auto& each) {
    return each == config_.node_name || std::find(gone.begin(), gone.end(), each) != gone.end();
  });
  return left.empty() ? go_alone() : result<void>{};
}

std::vector<cluster_member> node_cluster::nodes() const {
  std::vector<cluster_member> all;
  node_.metadata()->for_each_node([&](const node_ptr& each) {
    all.push_back({each->name, each->up && !node_.is_unreachable(each->name)});
  });
  if (all.empty()) // a store from before there were clusters
    all.push_back({config_.node_name, node_.state() == app_state::running});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
  return all;
}

void node_cluster::forget(const std::string& node, std::function<void(result<void>)> done) {
  const auto known = node_.metadata()->find_node(node);
  if (!known)
    return done(term("not_a_cluster_node", "The node selected is not in the cluster."));
  const auto forget = [this, node, done = std::move(done)](const command_result&) {
    node_.propose(forget_node{node}, [done](const command_result& applied) {
      applied.ok() ? done({}) : done(error{exit_unavailable, applied.failure.text});
    });
  };
  // Who cannot be reached does not run, as far as anybody here can tell; the cluster may not have noticed yet.
  if (known->up && node_.is_unreachable(node))
    return node_.propose(node_down{node, known->incarnation}, forget);
  forget({});
}

} // namespace broker
