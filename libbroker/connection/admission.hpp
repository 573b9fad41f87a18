// Limits that operators put on connections and channels of a vhost or a user (features.md W08, O32). Counted per node:
// in a cluster each node admits that many.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

/// What a `connection` asks before it opens itself or a channel. Thread-safe: one per node, called from every loop.
class admission {
public:
  virtual ~admission() = default;

  /// Counts one more connection, or refuses it: 530.
  virtual result<void> open_connection(const metadata_snapshot& metadata, const login& who, std::string_view vhost) = 0;
  /// Undoes open_connection; `channels` of its channels were open.
  virtual void close_connection(std::string_view user, std::string_view vhost, uint64_t channels) = 0;
  /// Counts one more channel, or refuses it: 530.
  virtual result<void> open_channel(const metadata_snapshot& metadata, const login& who) = 0;
  virtual void close_channel(std::string_view user) = 0;
};

/// The counts themselves. Not thread-safe; the host puts a lock around them. Memory: names with open connections only.
class connection_counts final : public admission {
public:
  result<void> open_connection(const metadata_snapshot& metadata, const login& who, std::string_view vhost) override;
  void close_connection(std::string_view user, std::string_view vhost, uint64_t channels) override;
  result<void> open_channel(const metadata_snapshot& metadata, const login& who) override;
  void close_channel(std::string_view user) override;

  uint64_t connections_of_vhost(std::string_view vhost) const { return look_up(by_vhost_, vhost).connections; }
  uint64_t connections_of_user(std::string_view user) const { return look_up(by_user_, user).connections; }
  uint64_t channels_of_user(std::string_view user) const { return look_up(by_user_, user).channels; }

private:
  struct usage {
    uint64_t connections = 0;
    uint64_t channels = 0; ///< counted for users only
  };
  using usage_table = std::map<std::string, usage, std::less<>>;

  static usage look_up(const usage_table& in, std::string_view name);
  static void remove(usage_table& from, std::string_view name, uint64_t connections, uint64_t channels);

  usage_table by_vhost_;
  usage_table by_user_;
};

} // namespace broker
