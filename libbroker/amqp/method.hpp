// Every method of AMQP 0-9-1 with RabbitMQ's extensions (features.md W12-W19; AMQP 0-9-1 XML section "Domains" and
// "Classes"); one header per class. One struct per method; `fields` names its fields in wire order, so that decoding,
// encoding, comparing and printing are each written once (method.cpp). `bit` fields that follow each other share octets
// (section 4.2.5.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "amqp/method_basic.hpp"
#include "amqp/method_channel.hpp"
#include "amqp/method_confirm_tx.hpp"
#include "amqp/method_connection.hpp"
#include "amqp/method_exchange.hpp"
#include "amqp/method_fields.hpp"
#include "amqp/method_queue.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace broker::amqp {

using any_method = std::variant<
  connection_class::start, connection_class::start_ok, connection_class::secure, connection_class::secure_ok,
  connection_class::tune, connection_class::tune_ok, connection_class::open, connection_class::open_ok,
  connection_class::close, connection_class::close_ok, connection_class::blocked, connection_class::unblocked,
  connection_class::update_secret, connection_class::update_secret_ok, channel_class::open, channel_class::open_ok,
  channel_class::flow, channel_class::flow_ok, channel_class::close, channel_class::close_ok, access_class::request,
  access_class::request_ok, exchange_class::declare, exchange_class::declare_ok, exchange_class::delete_,
  exchange_class::delete_ok, exchange_class::bind, exchange_class::bind_ok, exchange_class::unbind,
  exchange_class::unbind_ok, queue_class::declare, queue_class::declare_ok, queue_class::bind, queue_class::bind_ok,
  queue_class::purge, queue_class::purge_ok, queue_class::delete_, queue_class::delete_ok, queue_class::unbind,
  queue_class::unbind_ok, basic_class::qos, basic_class::qos_ok, basic_class::consume, basic_class::consume_ok,
  basic_class::cancel, basic_class::cancel_ok, basic_class::publish, basic_class::return_, basic_class::deliver,
  basic_class::get, basic_class::get_ok, basic_class::get_empty, basic_class::ack, basic_class::reject,
  basic_class::recover_async, basic_class::recover, basic_class::recover_ok, basic_class::nack, confirm_class::select,
  confirm_class::select_ok, tx_class::select, tx_class::select_ok, tx_class::commit, tx_class::commit_ok,
  tx_class::rollback, tx_class::rollback_ok>;

/// Any method. A class of its own, so that copying and destroying 66 alternatives is compiled once and not in every
/// file that holds one.
class method : public any_method {
public:
  using any_method::any_method;
  using any_method::operator=;
  method();
  method(const method& other);
  method(method&& other) noexcept;
  method& operator=(const method& other);
  method& operator=(method&& other) noexcept;
  ~method();
};

/// Decodes the payload of a method frame that follows the four octets of class and method id.
/// Errors carry the reply code RabbitMQ gives (wire-reactions.md): 503 unknown class or method, 501 truncated or
/// trailing bytes and invalid UTF-8 in names, 502 undecodable table. Never reads outside `arguments`; allocates no more
/// than a small multiple of its size.
result<method> decode_method(uint32_t code, std::string_view arguments);

/// Appends a whole method frame (type 1, AMQP 0-9-1 section 4.2.3) on `channel` to `out`.
void encode_method(byte_buffer& out, channel_number channel, const method& what);

/// "queue.declare" and the like; for logs and error texts.
std::string_view method_name(const method& what);
/// The same for a method_code; "none" if there is no such method.
std::string_view method_name(uint32_t code);
/// method_code of `what`.
uint32_t method_code_of(const method& what);

} // namespace broker::amqp
