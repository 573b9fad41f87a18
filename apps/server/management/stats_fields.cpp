#include "management/stats_fields.hpp"

namespace broker::management {

namespace {

constexpr std::string_view names[counted_kinds] = {"publish",   "confirm",    "return_unroutable", "drop_unroutable",
                                                   "get",       "get_no_ack", "deliver",           "deliver_no_ack",
                                                   "redeliver", "ack",        "get_empty"};

bool of_channels_only(counted what) {
  return what == counted::confirm || what == counted::return_unroutable || what == counted::drop_unroutable;
}

} // namespace

std::string_view name_of(counted what) {
  return names[static_cast<size_t>(what)];
}

void write_message_stats(object_writer& to, const counts_report& from, counts_of what) {
  if (from.counts == message_counts{} || !to.wants("message_stats"))
    return;
  to.out().key("message_stats");
  object_writer stats{to.out(), {}, to.samples()};
  for (size_t i = 0; i < counted_kinds; ++i)
    if (what == counts_of::channel_all || !of_channels_only(static_cast<counted>(i)))
      stats.add_rated(names[i], from.counts.of[i], from.rates[i]);
  double delivered = 0;
  for (const auto kind : {counted::get, counted::get_no_ack, counted::deliver, counted::deliver_no_ack})
    delivered += from.rates[static_cast<size_t>(kind)];
  stats.add_rated("deliver_get", from.counts.deliver_get(), delivered);
}

} // namespace broker::management
