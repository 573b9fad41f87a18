#include "mirroring.hpp"

#include <memory>
#include <utility>

namespace broker::sim {

namespace {

/// An operator tries again after this long, and gives an answer up after that.
constexpr sim_ns pause_between = 500 * ms;
constexpr sim_ns answer_within = 8 * second;
/// Policies that come late come within this time.
constexpr sim_ns late_at_most = 20 * second;
/// The queues that registrars declare and delete (registrar.cpp).
constexpr const char* contested = "mq";

} // namespace

mirroring::wish mirroring::draw(const std::string& queue) {
  wish made{"copies of " + queue, "^" + queue + (queue == contested ? "" : "$"), ""};
  switch (random_.below(5)) {
  case 0:
  case 1:
    made.definition = R"({"ha-mode":"all"})";
    break;
  case 2:
    made.definition = R"({"ha-mode":"exactly","ha-params":)" + std::to_string(1 + random_.below(3)) + "}";
    break;
  case 3: {
    std::string names;
    for (const auto& each : nodes_.members())
      if (random_.chance(1, 2))
        names += (names.empty() ? "\"" : ",\"") + each->name + "\"";
    if (!names.empty())
      made.definition = R"({"ha-mode":"nodes","ha-params":[)" + names + "]}";
    break;
  }
  default:
    break;
  }
  return made;
}

void mirroring::begin() {
  none_ = random_.chance(1, 6);
  if (none_)
    return;
  std::vector<std::string> names;
  for (const auto& queue : queues_.all)
    names.push_back(queue.name);
  if (random_.chance(1, 2))
    names.push_back(contested);
  for (const auto& name : names) {
    const auto what = draw(name);
    if (what.definition.empty())
      continue;
    if (random_.chance(2, 3))
      ask(what);
    else
      time_.after(random_.below(late_at_most), [this, what] {
        if (!nodes_.is_calm())
          ask(what);
      });
  }
}

void mirroring::change() {
  if (none_)
    return;
  const auto& queue = queues_[static_cast<uint32_t>(random_.below(queues_.size()))];
  ask(draw(queue.name));
}

void mirroring::ask(const wish& what) {
  say_("FAULT policy '" + what.name + "': " + (what.definition.empty() ? "none" : what.definition));
  waiting_ += newest_[what.name] == 0 ? 1 : 0;
  newest_[what.name] = ++numbers_;
  try_to(what, numbers_);
}

/// Again and again until it is done, whichever node answers. It may so be done several times, which changes nothing.
void mirroring::try_to(const wish& what, uint64_t number) {
  if (newest_[what.name] != number)
    return;
  const auto again = [this, what, number] {
    time_.after(pause_between, [this, what, number] { try_to(what, number); });
  };
  auto* via = nodes_.any([](const auto& each) { return each.node && each.node->serves() && !each.node->paused(); });
  if (!via)
    return again();
  command change;
  if (what.definition.empty()) {
    change = delete_policy{"/", what.name, false};
  } else {
    policy_record policy;
    policy.vhost = "/";
    policy.name = what.name;
    policy.pattern = what.pattern;
    policy.apply_to = "queues";
    policy.definition = what.definition;
    change = put_policy{std::move(policy), false};
  }
  nodes_.trouble();
  const auto answered = std::make_shared<bool>(false);
  via->node->propose(std::move(change), [this, what, number, again, answered](const command_result& done) {
    const bool over = done.ok() || done.failure.text == "Parameter does not exist";
    time_.after(ms, [this, what, number, again, answered, over, text = done.failure.text] {
      if (std::exchange(*answered, true))
        return;
      if (!over) {
        say_("policy '" + what.name + "': " + text);
        return again();
      }
      nodes_.trouble();
      if (newest_[what.name] != number)
        return; // another wish has taken its place
      newest_[what.name] = 0;
      --waiting_;
    });
  });
  time_.after(answer_within, [again, answered] {
    if (!std::exchange(*answered, true))
      again();
  });
}

} // namespace broker::sim
