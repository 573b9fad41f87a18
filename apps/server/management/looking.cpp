#include "management/looking.hpp"

#include <algorithm>
#include <charconv>

#include "base/limits.hpp"
#include "management/message_fields.hpp"
#include "management/service.hpp"
#include "queue/queue_look.hpp"

namespace broker::management {

namespace looking_part {
namespace {

/// Of one row of an answer between nodes, which is one frame: a message that makes more is shown without properties.
constexpr size_t row_max_bytes = control::frame_max_bytes - 64 * 1024;

bool contains(const message& what, const std::string& body, const std::string& text) {
  return body.find(text) != std::string::npos || what.routing_key().find(text) != std::string_view::npos
      || what.property_bytes().find(text) != std::string_view::npos;
}

std::string written(const message& what, uint64_t position, bool redelivered, std::string body, size_t truncate,
                    bool with_properties) {
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("position", position);
    to.add("payload_bytes", body.size());
    to.add("redelivered", redelivered);
    to.add("exchange", what.exchange());
    to.add("routing_key", what.routing_key());
    out.key("properties");
    const auto properties = amqp::decode_properties(what.property_bytes());
    write_properties(out, properties && with_properties ? *properties : amqp::properties{});
    if (body.size() > truncate)
      body.resize(truncate);
    write_payload(to, body, false);
  }
  return out.take();
}

look_result to_result(const look_answer& from, const look_question& what, uint64_t ready) {
  look_result result;
  result.ready = ready;
  uint64_t position = what.skip;
  for (const seen_run& run : from.runs)
    for (uint32_t i = run.what.where.lo; i < run.what.where.hi; ++i) {
      const message& one = run.what.batch->messages[i];
      ++position;
      std::string body = body_of(one);
      if (!what.contains.empty() && !contains(one, body, what.contains))
        continue;
      std::string row = written(one, position, run.redelivered, body, what.truncate, true);
      if (row.size() > row_max_bytes)
        row = written(one, position, run.redelivered, std::move(body), what.truncate, false);
      result.messages.push_back(std::move(row));
    }
  result.looked_at = position - what.skip;
  return result;
}

/// Of a queue whose master is this node.
void look_here(service& at, const queue_ptr& queue, const look_question& what,
               std::function<void(std::shared_ptr<look_result>)> then) {
  at.around.flow_of(queue, [&at, to_own = at.post, queue, what, then = std::move(then)](std::vector<queue_flow> flow) {
    to_own([&at, to_own, queue, what, then, ready = flow.empty() ? 0 : flow.front().ready] {
      look_order order;
      order.skip = what.skip;
      order.count = what.count;
      at.around.look(queue, order, [to_own, what, then, ready](std::vector<look_answer> answers) {
        to_own([answers = std::move(answers), what, then, ready] {
          answers.empty() ? then(nullptr)
                          : then(std::make_shared<look_result>(to_result(answers.front(), what, ready)));
        });
      });
    });
  });
}

std::string flow_text(const queue_flow& from) {
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("ready", from.ready);
    to.add("awake", from.awake);
    to.add("at_prefetch", from.at_prefetch);
    to.add("starved", from.starved);
    to.add("waiting", from.waiting);
    to.add("withheld", from.withheld);
    to.add("by_store", from.by_store);
    to.add("by_pace", from.by_pace);
    to.add("paused", from.paused);
    to.add("unconfirmed", from.unconfirmed);
    to.add("uncommitted", from.uncommitted);
    to.add("on_disk", from.on_disk);
  }
  return out.take();
}

void flow_here(service& at, const queue_ptr& queue, std::function<void(std::string)> then) {
  at.around.flow_of(queue, [to_own = at.post, then = std::move(then)](const std::vector<queue_flow>& flow) {
    to_own([text = flow.empty() ? std::string{} : flow_text(flow.front()), then] { then(text); });
  });
}

uint64_t number_in(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

const std::string* text_in(const control::row& row, size_t i) {
  return i < row.size() ? std::get_if<std::string>(&row[i].content) : nullptr;
}

std::shared_ptr<look_result> from_response(const control::response& answer) {
  auto result = std::make_shared<look_result>();
  for (const auto& row : answer.rows) {
    const auto* text = text_in(row, 0);
    if (text == nullptr)
      return nullptr;
    result->messages.push_back(*text);
  }
  if (result->messages.size() < 2) // the first two are numbers
    return nullptr;
  result->ready = number_in(result->messages[0]);
  result->looked_at = number_in(result->messages[1]);
  result->messages.erase(result->messages.begin(), result->messages.begin() + 2);
  return result;
}

control::response to_response(const std::shared_ptr<look_result>& from) {
  control::response answer;
  answer.columns = {"text"};
  if (!from)
    return answer;
  answer.rows.push_back({std::to_string(from->ready)});
  answer.rows.push_back({std::to_string(from->looked_at)});
  for (auto& each : from->messages)
    answer.rows.push_back({std::move(each)});
  return answer;
}

} // namespace
} // namespace looking_part

void look_into(service& at, const queue_ptr& queue, look_question what,
               std::function<void(std::shared_ptr<look_result>)> then) {
  what.count = std::min(what.count, look_order::count_max);
  what.truncate = std::min<size_t>(what.truncate, 64 * 1024);
  if (queue->node == at.around.node.name())
    return looking_part::look_here(at, queue, what, std::move(then));
  control::request question;
  question.verb = "management_report";
  question.arguments = {"look",
                        queue->vhost,
                        queue->name,
                        std::to_string(what.skip),
                        std::to_string(what.count),
                        std::to_string(what.truncate),
                        what.contains};
  at.around.node.ask_members({queue->node}, question, [to_own = at.post, then = std::move(then)](const auto& answers) {
    to_own(
      [then, found = answers.empty() ? nullptr : looking_part::from_response(answers.front().second)] { then(found); });
  });
}

void ask_flow(service& at, const queue_ptr& queue, std::function<void(std::string)> then) {
  if (queue->node == at.around.node.name())
    return looking_part::flow_here(at, queue, std::move(then));
  control::request question;
  question.verb = "management_report";
  question.arguments = {"flow", queue->vhost, queue->name};
  at.around.node.ask_members({queue->node}, question, [to_own = at.post, then = std::move(then)](const auto& answers) {
    std::string text;
    if (!answers.empty() && !answers.front().second.rows.empty())
      if (const auto* found = looking_part::text_in(answers.front().second.rows.front(), 0))
        text = *found;
    to_own([then, text] { then(text); });
  });
}

bool answer_look(service& at, const control::request& what, const control::reply& done) {
  const auto& arguments = what.arguments;
  const bool look = arguments.front() == "look" && arguments.size() == 7;
  if (!look && !(arguments.front() == "flow" && arguments.size() == 3))
    return false;
  const auto queue = at.around.node.metadata()->find_queue(arguments[1], arguments[2]);
  if (!queue || queue->node != at.around.node.name()) { // it has moved meanwhile
    done({});
    return true;
  }
  if (look)
    looking_part::look_here(
      at, queue,
      {looking_part::number_in(arguments[3]), static_cast<uint32_t>(looking_part::number_in(arguments[4])),
       looking_part::number_in(arguments[5]), arguments[6]},
      [done](const std::shared_ptr<look_result>& found) { done(looking_part::to_response(found)); });
  else
    looking_part::flow_here(at, queue, [done](const std::string& text) {
      control::response answer;
      answer.columns = {"text"};
      if (!text.empty())
        answer.rows.push_back({text});
      done(std::move(answer));
    });
  return true;
}

} // namespace broker::management
