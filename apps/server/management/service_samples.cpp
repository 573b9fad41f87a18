// What the service samples of its node every few seconds, and what it gathers of other nodes' samples.
#include <charconv>
#include <map>
#include <utility>

#include "management/node_object.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace {

/// When the present interval began.
uint64_t interval_now_s(uint64_t unix_ms) {
  return unix_ms / 1'000 / sample_log::interval_s * sample_log::interval_s;
}

/// What nodes have said so far, added on the service's thread. Whoever is last goes on, on any thread.
struct gathered_samples {
  std::vector<named_samples> all;
  std::function<void(std::vector<named_samples>)> then;
  ~gathered_samples() { then(std::move(all)); }

  /// `which` of the objects these are.
  void add(const std::vector<size_t>& which, std::vector<named_samples> more) {
    for (size_t i = 0; i < which.size() && i < more.size(); ++i)
      add_up(all[which[i]], std::move(more[i]));
  }
};

} // namespace

void service::refresh(std::function<void()> then) {
  if (latest_ms_ != 0 && around.now_ms() < latest_ms_ + latest_age_ms_)
    return then();
  take_activity(std::move(then));
}

void service::take_activity(std::function<void()> then) {
  awaiting_activity_.push_back(std::move(then));
  if (awaiting_activity_.size() > 1)
    return; // on its way
  around.activity([this, to_own = post, began_ms = around.now_ms()](activity_report taken) {
    to_own([this, began_ms, now = std::make_shared<const activity_report>(std::move(taken))] {
      take(*now);
      latest_ms_ = around.now_ms();
      latest_age_ms_ = age_of(latest_ms_ - began_ms);
      for (auto& each : std::exchange(awaiting_activity_, {}))
        each();
    });
  });
}

void service::take(const activity_report& now) {
  latest = now.node;
  const uint64_t now_s = std::exchange(due_sample_s_, 0);
  if (now_s == 0)
    return;
  samples.add(now_s, now.node);
  store_.add(now_s, now.queues);
  store_.add(now_s, now.channels);
}

void service::sample() {
  const uint64_t now_s = interval_now_s(around.unix_ms());
  if (++intervals_ >= intervals_for(latest.queues)) {
    intervals_ = 0;
    due_sample_s_ = now_s;
    take_activity([this, now_s] { sample_node(now_s); });
  }
  store_.add(now_s, own_exchanges());
  sample_connections(now_s);
  tell_ended_sessions([] {});
}

void service::sample_node(uint64_t now_s) {
  facts([this, now_s](const node_facts& now) { usage.add(now_s, usage_of(*this, now)); });
}

void service::sample_connections(uint64_t now_s) {
  const auto known = usage.newest();
  if (!store_.samples_connections(now_s, known.empty() ? 0 : known[2]))
    return store_.add(now_s, std::vector<connection_traffic>{});
  around.node.list_connections([this, now_s, to_own = post](const std::vector<connection_info>& all) {
    std::vector<connection_traffic> bytes;
    bytes.reserve(all.size());
    for (const auto& each : all)
      bytes.push_back({each.id, each.received_bytes, each.sent_bytes});
    to_own([this, now_s, bytes = std::move(bytes)] { store_.add(now_s, bytes); });
  });
}

/// Who asks for connections has just seen the list of them.
void service::begin_connections(uint64_t now_s, const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    connection_id id = 0;
    std::from_chars(key.data(), key.data() + key.size(), id);
    const auto flow = traffic_.find(id);
    if (flow != traffic_.end() && !store_.knows_connection(id))
      store_.begin(now_s, {id, flow->second.received, flow->second.sent});
  }
}

std::vector<named_samples> service::own_samples(sampled_kind kind, const sample_ranges& asked,
                                                const std::vector<std::string>& keys) {
  const uint64_t now_s = interval_now_s(around.unix_ms());
  if (kind == sampled_kind::connection)
    begin_connections(now_s, keys);
  std::vector<named_samples> all;
  all.reserve(keys.size());
  for (const auto& key : keys)
    all.push_back(store_.samples(kind, key, asked, now_s));
  return all;
}

void service::samples_of(sampled_kind kind, const sample_ranges& asked, const std::vector<sampled_key>& keys,
                         std::function<void(const std::vector<named_samples>&)> then) {
  const auto gathered = std::make_shared<gathered_samples>();
  gathered->all.resize(keys.size());
  gathered->then = [to_own = post, then = std::move(then)](std::vector<named_samples> all) {
    to_own([then, all = std::move(all)] { then(all); });
  };
  std::map<std::string, std::vector<size_t>> by_node;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].node.empty()) {
      by_node[keys[i].node].push_back(i);
      continue;
    }
    by_node[around.node.name()].push_back(i);
    for (const auto& other : other_members())
      by_node[other].push_back(i);
  }
  for (const auto& [node, which] : by_node) {
    std::vector<std::string> wanted;
    for (const size_t i : which)
      wanted.push_back(keys[i].key);
    if (node == around.node.name()) {
      gathered->add(which, own_samples(kind, asked, wanted));
      continue;
    }
    control::request question;
    question.verb = report_verb;
    question.arguments = samples_question(kind, asked, wanted);
    around.node.ask_members({node}, question, [gathered, which = which, to_own = post](const node_answers& answers) {
      to_own([gathered, which, answers] {
        for (const auto& [name, answer] : answers)
          gathered->add(which, samples_in(answer, which.size()));
      });
    });
  }
}

} // namespace broker::management
