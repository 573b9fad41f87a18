// Looking into a queue from any node (features.md U13): its master's node makes the answer, as rows of ready JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "metadata/snapshot.hpp"

namespace broker::management {

class service;

struct look_question {
  uint64_t skip = 0;
  uint32_t count = 0;
  size_t truncate = 0;  ///< payloads to so many bytes
  std::string contains; ///< only messages with this text in payload, routing key or properties; "" = all
};

struct look_result {
  uint64_t ready = 0;     ///< messages of the queue
  uint64_t looked_at = 0; ///< of them, from `skip` on; those that do not contain the text included
  std::vector<std::string> messages;
};

/// Null: the queue's master does not answer, or too many look. On the HTTP thread, as `then` is called.
void look_into(service& at, const queue_ptr& queue, look_question what,
               std::function<void(std::shared_ptr<look_result>)> then);
/// What holds the queue up, as JSON; "" if its master does not answer.
void ask_flow(service& at, const queue_ptr& queue, std::function<void(std::string)> then);

/// The same for another node: verb management_report look, flow. False: it is about something else.
bool answer_look(service& at, const control::request& what, const control::reply& done);

} // namespace broker::management
