#include "channel/protocol.hpp"

namespace broker {

queue_request::queue_request() = default;
queue_request::queue_request(const queue_request& other) = default;
queue_request::queue_request(queue_request&& other) noexcept = default;
queue_request& queue_request::operator=(const queue_request& other) = default;
queue_request& queue_request::operator=(queue_request&& other) noexcept = default;
queue_request::~queue_request() = default;

queue_event::queue_event() = default;
queue_event::queue_event(const queue_event& other) = default;
queue_event::queue_event(queue_event&& other) noexcept = default;
queue_event& queue_event::operator=(const queue_event& other) = default;
queue_event& queue_event::operator=(queue_event&& other) noexcept = default;
queue_event::~queue_event() = default;

} // namespace broker
