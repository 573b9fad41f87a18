// Port: how the metadata host of one node reaches those of others. Called by the host's owner thread. Production is the
// cluster's links (actors/cluster.hpp), simulation a network that loses and reorders.
#pragma once

#include <string>

namespace broker {

class metadata_peers {
public:
  virtual ~metadata_peers() = default;
  /// May be lost, repeated or reordered; never waits. At most limits::raft_message_max_bytes.
  virtual void send_datagram(const std::string& node, std::string bytes) = 0;
  /// In order while both run. False: not now; nothing was taken. The host sends again by itself.
  virtual bool send(const std::string& node, std::string bytes) = 0;
};

} // namespace broker
