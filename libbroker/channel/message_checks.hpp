// What a channel must look at inside a published message: user-id, expiration, CC and BCC (features.md W47, W48, W68).
// Only messages whose flags say so are looked into.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "metadata/snapshot.hpp"
#include "model/message.hpp"

namespace broker {

/// Checks expiration, CC and BCC, then user-id, in RabbitMQ's order. Error 406 with RabbitMQ's text; 541 for properties
/// that cannot be decoded.
result<void> check_properties(const message& what, const login& user);
/// True if the headers may hold CC or BCC; a cheap search that may be wrong in saying yes.
bool may_have_extra_keys(const message& what) noexcept;
/// The content header without its BCC header (W47), as a batch of one message that keeps the publisher's credit through
/// `original`. Null if there is no BCC.
batch_ref without_bcc(const batch_ref& original, uint32_t index);

} // namespace broker
