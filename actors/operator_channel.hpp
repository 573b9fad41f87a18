// AMQP from inside the node, on behalf of a user: a channel without a connection, for what management interfaces do
// with queues, exchanges and messages. Permissions, limits and errors are those of the same methods of a client, since
// the same channel carries them out.
#pragma once

#include <functional>
#include <string>

#include "amqp/method.hpp"
#include "amqp/properties.hpp"
#include "base/ref_counted.hpp"
#include "base/result.hpp"
#include "metadata/snapshot.hpp"
#include "model/message.hpp"

namespace caf {
class actor_system;
}

namespace broker {

struct runtime;

/// Thread-safe. One call at a time: the next when the one before has been answered.
class operator_channel : public ref_counted {
public:
  struct answer {
    amqp::method what;       ///< the ok method; basic.get-ok or get-empty; basic.ack or nack of a publish
    stored_run content;      ///< of basic.get-ok: one message
    bool unroutable = false; ///< of a publish: basic.return came before
  };
  /// Called once, on any thread. Error: the channel's, with its reply code and text; the channel has ended then.
  using answered = std::function<void(result<answer>)>;
  struct outgoing_message {
    std::string exchange; ///< at most limits::name_max_bytes, as the routing key
    std::string routing_key;
    amqp::properties properties;
    std::string body;
  };

  /// A method that is answered: declare, delete, bind, get, purge, confirm.select.
  virtual void call(amqp::method what, answered done) = 0;
  /// Methods without an answer: basic.reject.
  virtual void tell(amqp::method what) = 0;
  /// Mandatory. The channel is in confirm mode: answered when the message is as safe as promised.
  virtual void publish(outgoing_message what, answered done) = 0;
  /// What was fetched and not settled goes back. A call that waits is answered with an error. May be repeated.
  virtual void close() = 0;
};

/// On a loop's thread. The user's rights on the vhost are the caller's to check (metadata_snapshot::open_vhost).
ref<operator_channel> open_operator_channel(caf::actor_system& system, runtime& node, login user, std::string vhost);

} // namespace broker
