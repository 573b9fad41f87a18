// What the metadata store knows (architecture.md D9): immutable records, shared by reference between snapshots.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "amqp/field_table.hpp"
#include "base/ids.hpp"

namespace broker {

enum class exchange_type : uint8_t { direct, fanout, topic, headers };

struct exchange_record {
  std::string vhost;
  std::string name; ///< "" is the default exchange
  std::string type; ///< "direct", "fanout", "topic", "headers"
  exchange_type kind = exchange_type::direct;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  amqp::field_table arguments;
  std::string alternate_exchange; ///< "" = none (W46)
};

struct queue_record {
  queue_id id = 0;
  std::string vhost;
  std::string name;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  amqp::field_table arguments;
  /// Connection that owns an exclusive queue; 0 = none. Dead owners' queues are deleted at node start.
  connection_id owner = 0;
  std::string node; ///< master's node name
  epoch mastership = 1;
};

struct binding_record {
  std::string source;
  std::string destination;
  bool to_exchange = false;
  std::string routing_key;
  amqp::field_table arguments;
};

struct permission {
  std::string configure;
  std::string write;
  std::string read;
};

struct user_record {
  std::string name;
  /// base64(salt[4] + sha256(salt + password)), RabbitMQ's rabbit_password_hashing_sha256 (S2). Empty: no password
  /// login.
  std::string password_hash;
  std::vector<std::string> tags;
};

} // namespace broker
