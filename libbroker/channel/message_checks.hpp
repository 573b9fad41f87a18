// What a channel must look at inside a published message: user-id, expiration, CC, BCC, direct reply-to (features.md
// W47, W48, W68, W69). Only messages whose flags say so are looked into.
#pragma once

#include <string_view>

#include "amqp/properties.hpp"
#include "base/result.hpp"
#include "metadata/snapshot.hpp"
#include "model/message.hpp"

namespace broker {

/// The name of every channel's reply consumer, and as a prefix with '.' of its address (W69).
inline constexpr std::string_view reply_to_name = "amq.rabbitmq.reply-to";

/// Decodes the properties and checks expiration, CC and BCC, then user-id, in RabbitMQ's order. Error 406 with
/// RabbitMQ's text; 541 for properties that cannot be decoded.
result<amqp::properties> checked_properties(const message& what, const login& user);
/// True if the headers may hold CC or BCC; a cheap search that may be wrong in saying yes.
bool may_have_extra_keys(const message& what) noexcept;
/// True if reply-to may be the channel's own reply consumer; likewise.
bool may_use_direct_reply(const message& what) noexcept;
/// Message `index` of `original` with other properties, as a batch of one that keeps the publisher's credit through
/// `original`.
batch_ref with_properties(const batch_ref& original, uint32_t index, const amqp::properties& properties);

} // namespace broker
