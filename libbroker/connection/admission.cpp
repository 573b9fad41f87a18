#include "connection/admission.hpp"

namespace broker {

connection_counts::usage connection_counts::look_up(const usage_table& in, std::string_view name) {
  const auto found = in.find(name);
  return found == in.end() ? usage{} : found->second;
}

void connection_counts::remove(usage_table& from, std::string_view name, uint64_t connections, uint64_t channels) {
  const auto found = from.find(name);
  BROKER_ASSERT(found != from.end() && found->second.connections >= connections && found->second.channels >= channels,
                "only what was counted is taken back");
  found->second.connections -= connections;
  found->second.channels -= channels;
  if (found->second.connections == 0)
    from.erase(found);
}

result<void> connection_counts::open_connection(const metadata_snapshot& metadata, const login& who,
                                                std::string_view vhost) {
  auto admitted = metadata.admit_connection(who, vhost, connections_of_vhost(vhost), connections_of_user(who.user));
  if (!admitted)
    return admitted;
  ++by_vhost_[std::string{vhost}].connections;
  ++by_user_[who.user].connections;
  return {};
}

void connection_counts::close_connection(std::string_view user, std::string_view vhost, uint64_t channels) {
  remove(by_vhost_, vhost, 1, 0);
  remove(by_user_, user, 1, channels);
}

result<void> connection_counts::open_channel(const metadata_snapshot& metadata, const login& who) {
  auto admitted = metadata.admit_channel(who, channels_of_user(who.user));
  if (admitted)
    ++by_user_[who.user].channels;
  return admitted;
}

void connection_counts::close_channel(std::string_view user) {
  remove(by_user_, user, 0, 1);
}

} // namespace broker
