// What the metadata tests share: short forms for commands, messages to route, and a store in memory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "amqp/properties.hpp"
#include "base/random.hpp"
#include "metadata/metadata_state.hpp"
#include "ports/metadata_store.hpp"

namespace metadata_test {

using namespace broker;

inline amqp::field_value text(std::string value) {
  return {amqp::longstr{std::move(value)}};
}

inline queue_record queue(std::string name, bool durable = true) {
  queue_record out;
  out.vhost = "/";
  out.name = std::move(name);
  out.durable = durable;
  out.node = "rabbit@localhost";
  return out;
}
inline exchange_record exchange(std::string name, std::string type, bool durable = true) {
  exchange_record out;
  out.vhost = "/";
  out.name = std::move(name);
  out.type = std::move(type);
  out.durable = durable;
  return out;
}
inline binding_record binding(std::string source, std::string destination, std::string key = {},
                              amqp::field_table arguments = {}) {
  return {std::move(source), std::move(destination), false, std::move(key), std::move(arguments)};
}
inline binding_record to_exchange(std::string source, std::string destination, std::string key = {}) {
  return {std::move(source), std::move(destination), true, std::move(key), {}};
}
inline node_started first_start(std::string node = "rabbit@localhost") {
  node_started out;
  out.node = std::move(node);
  out.default_user = {"guest", hash_password("guest", "salt"), {"administrator"}};
  out.default_rights = {".*", ".*", ".*"};
  return out;
}

/// A state with a few verbs.
struct world {
  explicit world(metadata_settings settings = {}) : state(std::move(settings)) {}

  metadata_state state;
  std::vector<metadata_change> changes;

  command_result apply(const command& what) { return state.apply(what, changes); }
  /// Text of the refusal, empty if there was none.
  std::string refusal(const command& what) { return apply(what).failure.text; }
  void must(const command& what) {
    const command_result out = apply(what);
    BOOST_REQUIRE_MESSAGE(out.ok(), out.failure.text);
  }
  /// A snapshot takes the place of the state; `changes` gets what is different.
  void receive(const std::string& bytes) {
    const snapshot_ptr was = state.snapshot();
    BOOST_REQUIRE(state.restore(bytes).ok());
    const auto different = difference_of(*was, *state.snapshot());
    changes.insert(changes.end(), different.begin(), different.end());
  }
  bool has_queue(const std::string& name) const { return state.snapshot()->find_queue("/", name) != nullptr; }
  bool has_exchange(const std::string& name) const { return state.snapshot()->find_exchange("/", name) != nullptr; }
  size_t bindings() const {
    size_t count = 0;
    state.snapshot()->for_each_binding([&](std::string_view, const binding_record&) { ++count; });
    return count;
  }
};

/// A publish as it comes from the wire.
class test_message {
public:
  test_message(const std::string& exchange, const std::string& key, std::optional<amqp::field_table> headers = {}) {
    names_ = static_cast<char>(exchange.size()) + exchange + static_cast<char>(key.size()) + key;
    amqp::properties properties;
    properties.headers = std::move(headers);
    amqp::encode_content_header(raw_, 1, 0, properties);
    message_ = {names_.data(),
                raw_.data(),
                static_cast<uint32_t>(raw_.size()),
                0,
                static_cast<uint32_t>(raw_.size()),
                static_cast<uint16_t>(names_.size()),
                static_cast<uint16_t>(properties.headers ? message::has_headers : 0)};
  }
  const message& get() const { return message_; }

private:
  std::string names_;
  byte_buffer raw_;
  message message_;
};

/// Names of the queues a publish reaches; fails the test if one is reached twice.
inline std::set<std::string> route(const metadata_snapshot& in, const std::string& exchange, const std::string& key,
                                   std::optional<amqp::field_table> headers = {}) {
  const test_message what{exchange, key, std::move(headers)};
  const exchange_ptr from = in.find_exchange("/", exchange);
  BOOST_REQUIRE(from != nullptr);
  std::vector<queue_ptr> queues;
  in.route(*from, what.get(), queues);
  std::set<std::string> names;
  for (const queue_ptr& one : queues)
    BOOST_TEST(names.insert(one->name).second, one->name << " was reached twice");
  return names;
}

using names = std::set<std::string>;

/// Random but mostly meaningful commands over few names, so that they meet each other.
class command_source {
public:
  explicit command_source(uint64_t seed) : random_(seed) {}
  command next();

private:
  std::string pick(const std::vector<std::string>& from) { return from[random_.below(from.size())]; }
  amqp::field_table arguments();
  queue_record some_queue();
  exchange_record some_exchange();
  binding_record some_binding();
  command operators_command();

  random_source random_;
};

/// A store that keeps everything in memory and can be told to fail.
class memory_store final : public metadata_store {
public:
  result<stored_metadata> load() override { return content; }
  result<void> write(const std::optional<consensus::hard_state>& state, std::optional<uint64_t> truncate_from,
                     const std::vector<consensus::entry>& append) override {
    ++writes;
    if (fail)
      return error{0, "disk on fire"};
    if (state)
      content.state = *state;
    if (truncate_from)
      std::erase_if(content.log, [&](const consensus::entry& one) { return one.index >= *truncate_from; });
    content.log.insert(content.log.end(), append.begin(), append.end());
    return {};
  }
  result<void> store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override {
    if (fail)
      return error{0, "disk on fire"};
    ++snapshots;
    content.snapshot = meta;
    content.snapshot_data = std::string{data};
    std::erase_if(content.log, [&](const consensus::entry& one) { return one.index <= meta.index; });
    return {};
  }

  result<void> write_identity(const metadata_identity& who) override {
    if (fail)
      return error{0, "disk on fire"};
    content.identity = who;
    return {};
  }
  result<void> install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) override {
    if (fail)
      return error{0, "disk on fire"};
    ++installs;
    content.snapshot = meta;
    content.snapshot_data = std::string{data};
    content.log.clear();
    return {};
  }
  result<std::optional<snapshot_part>> read_snapshot(uint64_t index, uint64_t term, uint64_t offset,
                                                     size_t bytes_max) override {
    if (!content.snapshot || content.snapshot->index != index || content.snapshot->term != term
        || offset > content.snapshot_data.size())
      return std::optional<snapshot_part>{};
    return std::optional<snapshot_part>{
      snapshot_part{content.snapshot_data.size(), content.snapshot_data.substr(offset, bytes_max)}};
  }

  stored_metadata content;
  int installs = 0;
  int writes = 0;
  int snapshots = 0;
  bool fail = false;
};

} // namespace metadata_test
