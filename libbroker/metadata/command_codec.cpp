#include "metadata/metadata_state.hpp"
#include "metadata/records_codec.hpp"

namespace broker {
namespace {

struct encoder {
  proto::Command& out;

  void operator()(const declare_queue& what) const { to_proto(what.queue, *out.mutable_declare_queue()); }
  void operator()(const delete_queue& what) const {
    auto& to = *out.mutable_delete_queue();
    to.set_vhost(what.vhost);
    to.set_name(what.name);
    to.set_id(what.id);
  }
  void operator()(const delete_exclusive_queues& what) const {
    out.mutable_delete_exclusive_queues()->set_owner(what.owner);
  }
  void operator()(const declare_exchange& what) const { to_proto(what.exchange, *out.mutable_declare_exchange()); }
  void operator()(const delete_exchange& what) const {
    auto& to = *out.mutable_delete_exchange();
    to.set_vhost(what.vhost);
    to.set_name(what.name);
    to.set_if_unused(what.if_unused);
  }
  void operator()(const bind& what) const { binding(what, *out.mutable_bind()); }
  void operator()(const unbind& what) const { binding(what, *out.mutable_unbind()); }
  void operator()(const put_user& what) const {
    auto& to = *out.mutable_put_user();
    to_proto(what.user, *to.mutable_user());
    to.set_must_be_new(what.must_be_new);
    to.set_must_exist(what.must_exist);
    to.set_keep_hash(what.keep_hash);
    to.set_keep_tags(what.keep_tags);
  }
  void operator()(const delete_user& what) const { out.set_delete_user(what.name); }
  void operator()(const set_permission& what) const {
    auto& to = *out.mutable_set_permission();
    to.set_vhost(what.vhost);
    to.set_user(what.user);
    to_proto(what.rights, *to.mutable_rights());
  }
  void operator()(const clear_permission& what) const {
    auto& to = *out.mutable_clear_permission();
    to.set_vhost(what.vhost);
    to.set_user(what.user);
  }
  void operator()(const node_started& what) const {
    auto& to = *out.mutable_node_started();
    to.set_node(what.node);
    to.set_alone(what.alone);
    to_proto(what.default_user, *to.mutable_default_user());
    to_proto(what.default_rights, *to.mutable_default_rights());
    to.set_default_vhost(what.default_vhost);
    to.set_host(what.host);
    to.set_port(what.port);
    to.set_incarnation(what.incarnation);
    to.set_cluster(what.cluster);
  }
  void operator()(const register_node& what) const {
    auto& to = *out.mutable_register_node();
    to.set_name(what.name);
    to.set_host(what.host);
    to.set_port(what.port);
  }
  void operator()(const forget_node& what) const { out.set_forget_node(what.name); }
  void operator()(const node_down& what) const {
    run(what.name, what.incarnation, *out.mutable_node_down());
    out.mutable_node_down()->set_silent(what.silent);
  }
  void operator()(const node_up& what) const {
    run(what.name, what.incarnation, *out.mutable_node_up());
    out.mutable_node_up()->set_anew(what.anew);
  }
  void operator()(const withdrawn&) const { out.set_withdrawn(true); }
  void operator()(const change_placement& what) const { to_proto(what, *out.mutable_change_placement()); }
  void operator()(const put_vhost& what) const {
    auto& to = *out.mutable_put_vhost();
    to_proto(what.vhost, *to.mutable_vhost());
    to.set_must_be_new(what.must_be_new);
  }
  void operator()(const delete_vhost& what) const { out.set_delete_vhost(what.name); }
  void operator()(const set_vhost_limits& what) const {
    limits(what.vhost, what.limits, *out.mutable_set_vhost_limits());
  }
  void operator()(const set_user_limits& what) const { limits(what.user, what.limits, *out.mutable_set_user_limits()); }
  void operator()(const set_tracing& what) const {
    out.mutable_set_tracing()->set_vhost(what.vhost);
    out.mutable_set_tracing()->set_on(what.on);
  }
  void operator()(const set_topic_permission& what) const {
    auto& to = *out.mutable_set_topic_permission();
    to.set_vhost(what.vhost);
    to.set_user(what.user);
    to_proto(what.rights, *to.mutable_rights());
  }
  void operator()(const clear_topic_permission& what) const {
    auto& to = *out.mutable_clear_topic_permission();
    to.set_vhost(what.vhost);
    to.set_user(what.user);
    to.mutable_rights()->set_exchange(what.exchange);
  }
  void operator()(const put_policy& what) const {
    to_proto(what.policy, *out.mutable_put_policy()->mutable_policy());
    out.mutable_put_policy()->set_operator_policy(what.operator_policy);
  }
  void operator()(const delete_policy& what) const {
    auto& to = *out.mutable_delete_policy();
    to.set_vhost(what.vhost);
    to.set_name(what.name);
    to.set_operator_policy(what.operator_policy);
  }
  void operator()(const set_parameter& what) const { to_proto(what.parameter, *out.mutable_set_parameter()); }
  void operator()(const clear_parameter& what) const {
    to_proto(parameter_record{what.vhost, what.component, what.name, {}}, *out.mutable_clear_parameter());
  }

private:
  static void run(const std::string& name, uint64_t incarnation, proto::NodeRun& to) {
    to.set_name(name);
    to.set_incarnation(incarnation);
  }

  static void limits(const std::string& of, const limit_table& what, proto::SetLimits& to) {
    to.set_of(of);
    to_proto(what, *to.mutable_limits());
  }

  template<class Change>
  static void binding(const Change& what, proto::ChangeBinding& to) {
    to.set_vhost(what.vhost);
    to_proto(what.binding, *to.mutable_binding());
    to.set_by(what.by);
  }
};

template<class Change>
result<command> decode_binding(const proto::ChangeBinding& from) {
  auto record = from_proto(from.binding());
  if (!record)
    return record.error();
  return command{Change{from.vhost(), std::move(*record), from.by()}};
}

put_user decode_put_user(const proto::PutUser& from) {
  return {from_proto(from.user()), from.must_be_new(), from.must_exist(), from.keep_hash(), from.keep_tags()};
}

node_started decode_start(const proto::NodeStarted& from) {
  return {from.node(),          from.alone(), from_proto(from.default_user()),    from_proto(from.default_rights()),
          from.default_vhost(), from.host(),  static_cast<uint16_t>(from.port()), from.incarnation(),
          from.cluster()};
}

result<command> decode_node_command(const proto::Command& from) {
  switch (from.what_case()) {
  case proto::Command::kNodeStarted:
    return command{decode_start(from.node_started())};
  case proto::Command::kRegisterNode:
    return command{register_node{from.register_node().name(), from.register_node().host(),
                                 static_cast<uint16_t>(from.register_node().port())}};
  case proto::Command::kForgetNode:
    return command{forget_node{from.forget_node()}};
  case proto::Command::kNodeDown:
    return command{node_down{from.node_down().name(), from.node_down().incarnation(), from.node_down().silent()}};
  case proto::Command::kNodeUp:
    return command{node_up{from.node_up().name(), from.node_up().incarnation(), from.node_up().anew()}};
  case proto::Command::kWithdrawn:
    return command{withdrawn{}};
  case proto::Command::kChangePlacement: {
    auto what = from_proto(from.change_placement());
    return what ? result<command>{command{std::move(*what)}} : what.error();
  }
  default:
    return error{0, "a metadata command of a kind this version does not know"};
  }
}

/// Vhosts, policies and what else operators set.
result<command> decode_operators_command(const proto::Command& from) {
  switch (from.what_case()) {
  case proto::Command::kPutVhost:
    return command{put_vhost{from_proto(from.put_vhost().vhost()), from.put_vhost().must_be_new()}};
  case proto::Command::kDeleteVhost:
    return command{delete_vhost{from.delete_vhost()}};
  case proto::Command::kSetVhostLimits:
    return command{set_vhost_limits{from.set_vhost_limits().of(), from_proto(from.set_vhost_limits().limits())}};
  case proto::Command::kSetUserLimits:
    return command{set_user_limits{from.set_user_limits().of(), from_proto(from.set_user_limits().limits())}};
  case proto::Command::kSetTracing:
    return command{set_tracing{from.set_tracing().vhost(), from.set_tracing().on()}};
  case proto::Command::kSetTopicPermission: {
    const auto& what = from.set_topic_permission();
    return command{set_topic_permission{what.vhost(), what.user(), from_proto(what.rights())}};
  }
  case proto::Command::kClearTopicPermission: {
    const auto& what = from.clear_topic_permission();
    return command{clear_topic_permission{what.vhost(), what.user(), what.rights().exchange()}};
  }
  case proto::Command::kPutPolicy:
    return command{put_policy{from_proto(from.put_policy().policy()), from.put_policy().operator_policy()}};
  case proto::Command::kDeletePolicy: {
    const auto& what = from.delete_policy();
    return command{delete_policy{what.vhost(), what.name(), what.operator_policy()}};
  }
  case proto::Command::kSetParameter:
    return command{set_parameter{from_proto(from.set_parameter())}};
  case proto::Command::kClearParameter: {
    const auto& what = from.clear_parameter();
    return command{clear_parameter{what.vhost(), what.component(), what.name()}};
  }
  default:
    return decode_node_command(from);
  }
}

result<command> decode(const proto::Command& from) {
  switch (from.what_case()) {
  case proto::Command::kDeclareQueue: {
    auto record = from_proto(from.declare_queue());
    return record ? result<command>{command{declare_queue{std::move(*record)}}} : record.error();
  }
  case proto::Command::kDeleteQueue:
    return command{delete_queue{from.delete_queue().vhost(), from.delete_queue().name(), from.delete_queue().id()}};
  case proto::Command::kDeleteExclusiveQueues:
    return command{delete_exclusive_queues{from.delete_exclusive_queues().owner()}};
  case proto::Command::kDeclareExchange: {
    auto record = from_proto(from.declare_exchange());
    return record ? result<command>{command{declare_exchange{std::move(*record)}}} : record.error();
  }
  case proto::Command::kDeleteExchange:
    return command{delete_exchange{from.delete_exchange().vhost(), from.delete_exchange().name(),
                                   from.delete_exchange().if_unused()}};
  case proto::Command::kBind:
    return decode_binding<bind>(from.bind());
  case proto::Command::kUnbind:
    return decode_binding<unbind>(from.unbind());
  case proto::Command::kPutUser:
    return command{decode_put_user(from.put_user())};
  case proto::Command::kDeleteUser:
    return command{delete_user{from.delete_user()}};
  case proto::Command::kSetPermission:
    return command{set_permission{from.set_permission().vhost(), from.set_permission().user(),
                                  from_proto(from.set_permission().rights())}};
  case proto::Command::kClearPermission:
    return command{clear_permission{from.clear_permission().vhost(), from.clear_permission().user()}};
  default:
    return decode_operators_command(from);
  }
}

result<proto::Command> parse(std::string_view bytes) {
  proto::Command from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error{0, "a metadata command of " + std::to_string(bytes.size()) + " bytes is malformed"};
  return from;
}

} // namespace

std::string encode_command(const command& what, const proposer& by) {
  proto::Command out;
  std::visit(encoder{out}, what);
  out.set_proposer_node(by.node);
  out.set_proposer_run(by.run);
  out.set_proposer_sequence(by.sequence);
  return out.SerializeAsString();
}

result<command> decode_command(std::string_view bytes) {
  auto from = parse(bytes);
  return from ? decode(*from) : from.error();
}

result<proposed_command> decode_proposed(std::string_view bytes) {
  auto from = parse(bytes);
  if (!from)
    return from.error();
  auto what = decode(*from);
  if (!what)
    return what.error();
  return proposed_command{std::move(*what), {from->proposer_node(), from->proposer_run(), from->proposer_sequence()}};
}

command::command() = default;
command::command(const command& other) = default;
command::command(command&& other) noexcept = default;
command& command::operator=(const command& other) = default;
command& command::operator=(command&& other) noexcept = default;
command::~command() = default;

} // namespace broker
