#include "management/exchange_stats.hpp"

#include "model/message_counts.hpp"

namespace broker::management {

exchange_figures& exchange_figures::operator+=(const exchange_figures& more) {
  counts += more.counts;
  in_rate += more.in_rate;
  out_rate += more.out_rate;
  return *this;
}

exchange_map exchange_looks::look(const std::vector<exchange_report>& now, uint64_t now_ms) {
  std::map<std::pair<std::string, std::string>, last_look> still_there;
  exchange_map figures;
  for (const auto& each : now) {
    const std::pair name{each.vhost, each.name};
    last_look& last = still_there[name];
    if (const auto found = known_.find(name); found != known_.end())
      last = found->second;
    const bool anew = each.counts.in < last.counts.in || each.counts.out < last.counts.out; // another of that name
    if (last.at_ms == 0 || anew || now_ms > last.at_ms + count_rates::stale_ms) {
      last = {each.counts, now_ms, 0, 0};
    } else if (now_ms >= last.at_ms + count_rates::interval_ms) {
      const auto seconds = static_cast<double>(now_ms - last.at_ms) / 1'000;
      last = {each.counts, now_ms, static_cast<double>(each.counts.in - last.counts.in) / seconds,
              static_cast<double>(each.counts.out - last.counts.out) / seconds};
    }
    figures[name] = {each.counts, last.in_rate, last.out_rate};
  }
  known_ = std::move(still_there);
  return figures;
}

control::response to_response(const exchange_map& from) {
  control::response answer;
  answer.columns = {"vhost", "name", "in", "out", "in_rate", "out_rate"};
  for (const auto& [name, figures] : from)
    answer.rows.push_back(
      {name.first, name.second, figures.counts.in, figures.counts.out, figures.in_rate, figures.out_rate});
  return answer;
}

void add_response(exchange_map& to, const control::response& answer) {
  for (const auto& row : answer.rows) {
    if (row.size() != 6)
      continue;
    const auto* vhost = std::get_if<std::string>(&row[0].content);
    const auto* name = std::get_if<std::string>(&row[1].content);
    const auto* in = std::get_if<int64_t>(&row[2].content);
    const auto* out = std::get_if<int64_t>(&row[3].content);
    const auto* in_rate = std::get_if<double>(&row[4].content);
    const auto* out_rate = std::get_if<double>(&row[5].content);
    if (vhost == nullptr || name == nullptr || in == nullptr || out == nullptr || in_rate == nullptr
        || out_rate == nullptr)
      continue;
    to[{*vhost, *name}] += {{static_cast<uint64_t>(*in), static_cast<uint64_t>(*out)}, *in_rate, *out_rate};
  }
}

void write_exchange_stats(object_writer& to, const exchange_map& from, const std::string& vhost,
                          const std::string& name) {
  const auto found = from.find({vhost, name});
  if (found == from.end() || found->second.counts.in == 0 || !to.wants("message_stats"))
    return;
  to.out().key("message_stats");
  object_writer stats{to.out(), {}, to.samples()};
  stats.add_rated("publish_in", found->second.counts.in, found->second.in_rate);
  if (found->second.counts.out != 0) // as RabbitMQ
    stats.add_rated("publish_out", found->second.counts.out, found->second.out_rate);
}

} // namespace broker::management
