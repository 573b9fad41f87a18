#include "management/sampling.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <span>

#include <nlohmann/json.hpp>

#include "management/stats_fields.hpp"

namespace broker::management {

namespace {

/// RabbitMQ's; also what one answer has of one figure.
constexpr int64_t steps_max = 500;

// -- figures: what is kept, and the fields that are made of it --

enum class group : uint8_t { lengths, msg_rates, data_rates };

struct shown_field {
  std::string_view name;
  group in;
  std::vector<size_t> sum_of; ///< figures; none: always 0
};

/// A figure of the Erlang runtime, as objects show it.
const shown_field reductions{"reductions", group::data_rates, {}};

constexpr std::array queue_counts{counted::publish,        counted::get,       counted::get_no_ack, counted::deliver,
                                  counted::deliver_no_ack, counted::redeliver, counted::ack,        counted::get_empty};
constexpr size_t first_queue_count = 2; // after ready and unacknowledged

bool is_delivery(counted what) {
  return what == counted::get || what == counted::get_no_ack || what == counted::deliver
      || what == counted::deliver_no_ack;
}

/// `counts` from figure `first` on.
void add_counts(std::vector<shown_field>& to, std::span<const counted> counts, size_t first) {
  shown_field deliver_get{"deliver_get", group::msg_rates, {}};
  for (size_t i = 0; i < counts.size(); ++i) {
    to.push_back({name_of(counts[i]), group::msg_rates, {first + i}});
    if (is_delivery(counts[i]))
      deliver_get.sum_of.push_back(first + i);
  }
  to.push_back(std::move(deliver_get));
}

std::vector<shown_field> make_fields(sampled_kind kind) {
  using enum group;
  std::vector<shown_field> fields;
  switch (kind) {
  case sampled_kind::queue:
    fields = {
      {"messages", lengths, {0, 1}}, {"messages_ready", lengths, {0}}, {"messages_unacknowledged", lengths, {1}}};
    add_counts(fields, queue_counts, first_queue_count);
    fields.push_back(reductions);
    break;
  case sampled_kind::channel: {
    std::array<counted, counted_kinds> all{};
    for (size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<counted>(i);
    add_counts(fields, all, 0);
    fields.push_back(reductions);
    break;
  }
  case sampled_kind::connection:
    fields = {{"recv_oct", data_rates, {0}}, {"send_oct", data_rates, {1}}, reductions};
    break;
  case sampled_kind::exchange:
    fields = {{"publish_in", msg_rates, {0}}, {"publish_out", msg_rates, {1}}};
    break;
  }
  return fields;
}

constexpr std::array<std::string_view, 4> kind_names{"queue", "channel", "connection", "exchange"};

const std::vector<shown_field>& fields_of(sampled_kind kind) {
  static const std::array<std::vector<shown_field>, kind_names.size()> all{
    make_fields(sampled_kind::queue), make_fields(sampled_kind::channel), make_fields(sampled_kind::connection),
    make_fields(sampled_kind::exchange)};
  return all[static_cast<size_t>(kind)];
}

const sample_range& range_in(const sample_ranges& asked, group which) {
  switch (which) {
  case group::lengths:
    return asked.lengths;
  case group::msg_rates:
    return asked.msg_rates;
  default:
    return asked.data_rates;
  }
}

template<class Number>
std::optional<Number> number_in(std::string_view text) {
  Number value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// An id as eight bytes: short enough to need no memory of its own.
std::string packed(uint64_t id) {
  std::string bytes(sizeof id, '\0');
  for (char& each : bytes) {
    each = static_cast<char>(id & 0xFF);
    id >>= 8;
  }
  return bytes;
}

/// What the store calls an object that others call `key`.
std::string stored_key(sampled_kind kind, const std::string& key) {
  const auto id =
    kind == sampled_kind::queue || kind == sampled_kind::connection ? number_in<uint64_t>(key) : std::nullopt;
  return id ? packed(*id) : key;
}

} // namespace

std::optional<sample_ranges> ranges_of(const http::target& asked, std::string& why) {
  sample_ranges ranges;
  const std::pair<const char*, sample_range*> groups[] = {{"lengths", &ranges.lengths},
                                                          {"msg_rates", &ranges.msg_rates},
                                                          {"data_rates", &ranges.data_rates},
                                                          {"node_stats", &ranges.node_stats}};
  for (const auto& [name, range] : groups) {
    const auto age = number_in<int64_t>(asked.value(std::string{name} + "_age").value_or(""));
    const auto step = number_in<int64_t>(asked.value(std::string{name} + "_incr").value_or(""));
    if (!age || !step)
      continue; // as RabbitMQ
    if (*age <= 0 || *step <= 0 || *age / *step > steps_max) {
      why = "Invalid range parameters: age " + std::to_string(*age) + ", incr " + std::to_string(*step);
      return {};
    }
    *range = {static_cast<uint64_t>(*age), static_cast<uint64_t>(*step)};
  }
  return ranges;
}

bool wants_samples(const sample_ranges& asked, sampled_kind kind) {
  const auto& fields = fields_of(kind);
  return std::any_of(fields.begin(), fields.end(),
                     [&](const shown_field& each) { return static_cast<bool>(range_in(asked, each.in)); });
}

size_t listed_objects(const sample_ranges& asked, sampled_kind kind) {
  size_t samples = 0;
  for (const auto& each : fields_of(kind))
    if (const auto& range = range_in(asked, each.in))
      samples += range.age_s / range.step_s + 1;
  return samples == 0 ? 0 : std::clamp<size_t>(listed_samples_max / samples, 1, listed_objects_max);
}

std::string key_of_queue(queue_id id) {
  return std::to_string(id);
}

std::string key_of_channel(connection_id connection, channel_number channel) {
  return std::to_string(connection) + '/' + std::to_string(channel);
}

std::string key_of_connection(connection_id id) {
  return std::to_string(id);
}

std::string key_of_exchange(const std::string& vhost, const std::string& name) {
  return std::to_string(vhost.size()) + ':' + vhost + name;
}

void add_up(named_samples& sum, named_samples&& more) {
  for (auto& each : more) {
    const auto known =
      std::find_if(sum.begin(), sum.end(), [&](const auto& other) { return other.first == each.first; });
    if (known == sum.end())
      sum.push_back(std::move(each));
    else if (known->second.empty() || each.second.empty() || known->second.step_s == each.second.step_s)
      known->second = known->second + each.second;
  }
}

namespace {

void put_into(nlohmann::json& object, const std::string& name, const sample_list& samples) {
  const auto details = object.find(name + "_details");
  if (details == object.end() || !details->is_object())
    return;
  json_writer out;
  write_details(out, details->value("rate", 0.0), &samples);
  *details = nlohmann::json::parse(out.text());
}

} // namespace

std::string with_samples(const std::string& object, const named_samples& samples) {
  nlohmann::json read = nlohmann::json::parse(object, nullptr, false);
  if (!read.is_object())
    return object;
  for (const auto& [name, list] : samples) {
    put_into(read, name, list);
    if (const auto stats = read.find("message_stats"); stats != read.end() && stats->is_object())
      put_into(*stats, name, list);
  }
  return read.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// -- sample_store --

sampled_objects& sample_store::of(sampled_kind kind) {
  switch (kind) {
  case sampled_kind::queue:
    return queues_;
  case sampled_kind::channel:
    return channels_;
  case sampled_kind::connection:
    return connections_;
  default:
    return exchanges_;
  }
}

void sample_store::add(uint64_t now_s, const std::vector<queue_activity>& all) {
  for (const auto& each : all) {
    std::array<uint64_t, first_queue_count + queue_counts.size()> figures{each.ready, each.unacknowledged};
    for (size_t i = 0; i < queue_counts.size(); ++i)
      figures[first_queue_count + i] = each.messages[queue_counts[i]];
    queues_.add(packed(each.queue), now_s, figures);
  }
  queues_.end_round(now_s);
  sampled_s_ = now_s;
}

void sample_store::add(uint64_t now_s, const std::vector<channel_activity>& all) {
  for (const auto& each : all)
    channels_.add(key_of_channel(each.connection, each.channel), now_s, each.messages.of);
  channels_.end_round(now_s);
  sampled_s_ = now_s;
}

void sample_store::add(uint64_t now_s, const exchange_map& all) {
  for (const auto& [name, each] : all)
    exchanges_.add(key_of_exchange(name.first, name.second), now_s, std::array{each.counts.in, each.counts.out});
  exchanges_.end_round(now_s);
  sampled_s_ = now_s;
}

void sample_store::add(uint64_t now_s, const std::vector<connection_traffic>& all) {
  for (const auto& each : all)
    if (all.size() <= few_connections || knows_connection(each.connection))
      connections_.add(packed(each.connection), now_s, std::array{each.received, each.sent});
  connections_.end_round(now_s);
}

void sample_store::begin(uint64_t now_s, const connection_traffic& one) {
  if (connections_.size() < connections_max)
    connections_.begin(packed(one.connection), now_s, std::array{one.received, one.sent});
}

bool sample_store::knows_connection(connection_id id) const {
  return connections_.knows(packed(id));
}

named_samples sample_store::samples(sampled_kind kind, const std::string& key, const sample_ranges& asked,
                                    uint64_t now_s) {
  const sample_log* log = of(kind).ask(stored_key(kind, key), now_s);
  if (kind == sampled_kind::connection)
    connections_asked_s_ = now_s;
  sample_log nothing{sample_log::rings_of_object};
  if (log == nullptr && kind != sampled_kind::connection && sampled_s_ != 0) {
    nothing.add(sampled_s_, std::array<uint64_t, first_queue_count + counted_kinds>{});
    log = &nothing;
  }
  named_samples found;
  for (const auto& field : fields_of(kind)) {
    const auto& range = range_in(asked, field.in);
    if (!range)
      continue;
    sample_list sum;
    for (const size_t figure : field.sum_of)
      if (log != nullptr)
        sum = sum + log->samples(figure, range);
    if (field.sum_of.empty() && log != nullptr)
      sum = zeros_like(log->samples(0, range));
    found.emplace_back(field.name, std::move(sum));
  }
  return found;
}

// -- between nodes --

namespace {

std::string to_text(const sample_range& range) {
  return std::to_string(range.age_s) + '/' + std::to_string(range.step_s);
}

std::optional<sample_range> range_of_text(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto age = number_in<uint64_t>(text.substr(0, slash));
  const auto step = number_in<uint64_t>(text.substr(std::min(slash + 1, text.size())));
  if (!age || !step)
    return {};
  return sample_range{*age, *step};
}

std::string to_text(const std::vector<uint64_t>& values) {
  std::string text;
  for (const uint64_t each : values) {
    text += text.empty() ? "" : " ";
    text += std::to_string(each);
  }
  return text;
}

std::vector<uint64_t> values_in(std::string_view text) {
  std::vector<uint64_t> values;
  while (!text.empty() && values.size() < sample_log::samples_max) {
    const size_t space = std::min(text.find(' '), text.size());
    values.push_back(number_in<uint64_t>(text.substr(0, space)).value_or(0));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return values;
}

} // namespace

std::vector<std::string> samples_question(sampled_kind kind, const sample_ranges& asked,
                                          const std::vector<std::string>& keys) {
  std::vector<std::string> question{"samples", std::string{kind_names[static_cast<size_t>(kind)]},
                                    to_text(asked.lengths), to_text(asked.msg_rates), to_text(asked.data_rates)};
  question.insert(question.end(), keys.begin(), keys.end());
  return question;
}

std::optional<samples_wanted> samples_wanted_in(const std::vector<std::string>& question) {
  if (question.size() < 5 || question[0] != "samples")
    return {};
  const auto kind = std::find(kind_names.begin(), kind_names.end(), question[1]);
  const auto lengths = range_of_text(question[2]);
  const auto msg_rates = range_of_text(question[3]);
  const auto data_rates = range_of_text(question[4]);
  if (kind == kind_names.end() || !lengths || !msg_rates || !data_rates || question.size() - 5 > listed_objects_max)
    return {};
  return samples_wanted{static_cast<sampled_kind>(kind - kind_names.begin()),
                        {*lengths, *msg_rates, *data_rates, {}},
                        {question.begin() + 5, question.end()}};
}

control::response to_response(const std::vector<named_samples>& all) {
  control::response answer;
  answer.columns = {"object", "field", "newest_s", "step_s", "values"};
  for (size_t i = 0; i < all.size(); ++i)
    for (const auto& [name, list] : all[i])
      answer.rows.push_back({i, name, list.newest_s, list.step_s, to_text(list.values)});
  return answer;
}

std::vector<named_samples> samples_in(const control::response& answer, size_t keys) {
  std::vector<named_samples> all(keys);
  for (const auto& row : answer.rows) {
    if (row.size() != 5)
      continue;
    const auto* object = std::get_if<int64_t>(&row[0].content);
    const auto* name = std::get_if<std::string>(&row[1].content);
    const auto* newest_s = std::get_if<int64_t>(&row[2].content);
    const auto* step_s = std::get_if<int64_t>(&row[3].content);
    const auto* values = std::get_if<std::string>(&row[4].content);
    if (object == nullptr || name == nullptr || newest_s == nullptr || step_s == nullptr || values == nullptr)
      continue;
    if (*object < 0 || static_cast<uint64_t>(*object) >= keys || *newest_s < 0 || *step_s < 0)
      continue;
    sample_list list{static_cast<uint64_t>(*newest_s), static_cast<uint64_t>(*step_s), values_in(*values)};
    if (list.empty() || list.step_s != 0)
      all[static_cast<size_t>(*object)].emplace_back(*name, std::move(list));
  }
  return all;
}

} // namespace broker::management
