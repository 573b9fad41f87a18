#include "queue_plan.hpp"

#include <algorithm>
#include <cmath>

namespace broker::sim {

using amqp::field_table;
using amqp::longstr;

namespace {

constexpr const char* delayed_exchange = "delayed";

std::string_view name_of(overflow_policy what) {
  switch (what) {
  case overflow_policy::reject_publish:
    return "reject-publish";
  case overflow_policy::reject_publish_dlx:
    return "reject-publish-dlx";
  default:
    return "drop-head";
  }
}

void set_number(field_table& into, std::string_view name, const std::optional<uint64_t>& value) {
  if (value)
    into.set(name, {static_cast<int64_t>(*value)});
}

void set_text(field_table& into, std::string_view name, std::string_view value) {
  into.set(name, {longstr{std::string{value}}});
}

queue_plan plain_queue(std::string name, bool durable) {
  queue_plan made;
  made.name = std::move(name);
  made.durable = durable;
  return made;
}

/// Times to live are short, so that messages do expire, or longer than any run, so that an early end shows.
uint64_t draw_ttl(random_source& random) {
  return random.chance(1, 5) ? 600'000 : log_uniform(random, 50, 20'000);
}

void draw_options(queue_plan& queue, random_source& random) {
  auto& options = queue.options;
  if (random.chance(1, 3)) {
    options.type = queue_type::quorum;
    queue.durable = true;
  } else if (random.chance(1, 3)) {
    options.max_priority = static_cast<uint8_t>(1 + random.below(10));
  }
  if (random.chance(1, 3))
    options.message_ttl_ms = draw_ttl(random);
  if (random.chance(1, 3)) {
    if (random.chance(2, 3))
      options.max_length = log_uniform(random, 1, 300);
    else
      options.max_length_bytes = log_uniform(random, 1'000, 200'000);
    constexpr overflow_policy policies[] = {overflow_policy::drop_head, overflow_policy::drop_head,
                                            overflow_policy::reject_publish, overflow_policy::reject_publish_dlx};
    options.overflow = policies[random.below(std::size(policies))];
    if (queue.is_quorum() && options.overflow == overflow_policy::reject_publish_dlx)
      options.overflow = overflow_policy::reject_publish;
  }
  options.single_active_consumer = random.chance(1, 4);
}

/// At-least-once asks for a quorum queue that refuses publishes, as in RabbitMQ.
void draw_dead_lettering(queue_plans& plans, uint32_t index, uint32_t target, random_source& random) {
  auto& queue = plans.all[index];
  queue.dead_letters_to = target;
  if (!queue.is_quorum())
    return;
  if (random.chance(2, 3))
    queue.options.delivery_limit = random.below(4);
  if ((!queue.limited() || queue.refuses()) && random.chance(4, 5)) {
    queue.options.overflow = overflow_policy::reject_publish;
    queue.options.strategy = dead_letter_strategy::at_least_once;
    if (auto& full = plans.all[target]; target != index && !full.limited() && random.chance(3, 4)) {
      full.options.max_length = log_uniform(random, 1, 100); // it has to wait for room there
      full.options.overflow = overflow_policy::reject_publish;
    }
  }
}

/// Queues behind the first `count`: 1 to 3 hops, the last of them mostly without limits, so that what arrives stays.
void draw_chains(queue_plans& plans, random_source& random) {
  const auto count = plans.size();
  const auto hops = 1 + random.below(3);
  for (uint64_t hop = 0; hop < hops; ++hop) {
    auto behind = plain_queue("dead" + std::to_string(hop), random.chance(9, 10));
    if (random.chance(1, 2) && (hop + 1 < hops || random.chance(1, 4)))
      draw_options(behind, random);
    behind.watched = random.chance(2, 3);
    plans.all.push_back(std::move(behind));
  }
  for (uint32_t index = 0; index < plans.size(); ++index) {
    const bool last = index + 1 == plans.size();
    if (index < count ? !random.chance(2, 3) : last && !random.chance(1, 8))
      continue;
    if (random.chance(1, 12)) // into itself or back
      draw_dead_lettering(plans, index, static_cast<uint32_t>(random.below(index + 1)), random);
    else if (!last)
      draw_dead_lettering(plans, index, index < count ? static_cast<uint32_t>(count + random.below(hops)) : index + 1,
                          random);
  }
  // At-least-once keeps for ever what a circle would drop, and a target that makes dead letters of what it refuses
  // makes one of every attempt.
  for (uint32_t index = 0; index < plans.size(); ++index) {
    const auto target = plans[index].dead_letters_to;
    if (plans.in_cycle(index) || (target && plans[*target].options.overflow == overflow_policy::reject_publish_dlx))
      plans.all[index].options.strategy = dead_letter_strategy::at_most_once;
  }
}

} // namespace

uint64_t log_uniform(random_source& random, uint64_t low, uint64_t high) {
  const double share = static_cast<double>(random.below(1'000'000)) / 1e6;
  return static_cast<uint64_t>(static_cast<double>(low)
                               * std::pow(static_cast<double>(high) / static_cast<double>(low), share));
}

field_table queue_plan::arguments(const std::vector<queue_plan>& all) const {
  field_table made;
  if (is_quorum())
    set_text(made, "x-queue-type", "quorum");
  set_number(made, "x-message-ttl", options.message_ttl_ms);
  set_number(made, "x-max-length", options.max_length);
  set_number(made, "x-max-length-bytes", options.max_length_bytes);
  set_number(made, "x-delivery-limit", options.delivery_limit);
  if (options.overflow != overflow_policy::drop_head)
    set_text(made, "x-overflow", name_of(options.overflow));
  if (options.max_priority != 0)
    set_number(made, "x-max-priority", options.max_priority);
  if (options.single_active_consumer)
    made.set("x-single-active-consumer", {true});
  if (dead_letters_to) {
    set_text(made, "x-dead-letter-exchange", "");
    set_text(made, "x-dead-letter-routing-key", all[*dead_letters_to].name);
  }
  if (options.strategy == dead_letter_strategy::at_least_once)
    set_text(made, "x-dead-letter-strategy", "at-least-once");
  return made;
}

std::string queue_plan::text(const std::vector<queue_plan>& all) const {
  std::string made = name + (durable ? " durable" : " transient") + (automatic_ack ? " no_ack" : "")
                   + (watched ? "" : " unwatched") + (delayed_by ? " delayed" : "");
  for (const auto& [argument, value] : arguments(all).entries) {
    int64_t number = 0;
    const auto* words = value.as_string();
    made += " " + argument + (words ? "=" + *words : value.as_integer(number) ? "=" + std::to_string(number) : "");
  }
  return made;
}

std::optional<uint32_t> queue_plans::index_of(std::string_view name) const {
  for (uint32_t index = 0; index < size(); ++index)
    if (all[index].name == name)
      return index;
  return std::nullopt;
}

std::vector<uint32_t> queue_plans::chain(uint32_t from) const {
  std::vector<uint32_t> found{from};
  for (auto next = all[from].dead_letters_to; next; next = all[*next].dead_letters_to) {
    if (std::find(found.begin(), found.end(), *next) != found.end())
      break;
    found.push_back(*next);
  }
  return found;
}

bool queue_plans::in_cycle(uint32_t queue) const {
  const auto reached = chain(queue);
  return all[reached.back()].dead_letters_to == queue;
}

bool queue_plans::is_target(uint32_t queue) const {
  return std::any_of(all.begin(), all.end(), [&](const queue_plan& one) { return one.dead_letters_to == queue; });
}

bool queue_plans::any_time_to_live() const {
  return std::any_of(all.begin(), all.end(),
                     [](const queue_plan& one) { return one.options.message_ttl_ms.has_value(); });
}

queue_plans draw_cluster_queues(random_source& random) {
  queue_plans plans;
  const auto queues = 1 + random.below(6);
  for (uint64_t index = 0; index < queues; ++index) {
    plans.all.push_back(plain_queue("q" + std::to_string(index), !random.chance(1, 6)));
    plans.all.back().automatic_ack = random.chance(1, 8);
  }
  const bool with_options = random.chance(1, 2);
  for (auto& queue : plans.all) {
    if (with_options && random.chance(2, 3)) {
      draw_options(queue, random);
    } else if (random.chance(1, 4)) {
      queue.options.type = queue_type::quorum;
      queue.durable = true;
    }
  }
  if (with_options && random.chance(1, 2))
    draw_chains(plans, random);
  for (auto& queue : plans.all)
    queue.options.strategy = dead_letter_strategy::at_most_once;
  return plans;
}

queue_plans draw_queues(random_source& random) {
  queue_plans plans;
  const auto queues = 1 + random.below(5);
  const bool plain = random.chance(1, 3);
  for (uint64_t index = 0; index < queues; ++index) {
    plans.all.push_back(plain_queue("q" + std::to_string(index), !random.chance(1, plain ? 5 : 10)));
    plans.all.back().automatic_ack = random.chance(1, plain ? 6 : 12);
  }
  if (plain)
    return plans;
  for (auto& queue : plans.all) {
    draw_options(queue, random);
    queue.watched = random.chance(4, 5);
  }
  if (random.chance(5, 6))
    draw_chains(plans, random);
  if (random.chance(1, 3))
    for (auto& queue : plans.all)
      if (random.chance(1, 2))
        queue.delayed_by = delayed_exchange;
  return plans;
}

} // namespace broker::sim
