#include "cluster/bridge_state.hpp"

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "cluster/bridge_far.hpp"
#include "cluster/bridge_home.hpp"
#include "cluster/record_outbox.hpp"

namespace broker {

using namespace bridging;

namespace bridging {

void add_event(bridge_step& step, const channel_ref& to, queue_event what, epoch from) {
  auto& news = step.news;
  if (!news.empty() && news.back().first == to)
    if (auto* before = std::get_if<queue_says>(&news.back().second); before && before->mastership == from) {
      before->events.push_back(std::move(what));
      return;
    }
  queue_says said;
  said.events.push_back(std::move(what));
  said.mastership = from;
  news.emplace_back(to, std::move(said));
}

void want_tick(bridge_step& step, uint64_t in_ms) {
  in_ms = std::max<uint64_t>(in_ms, 1);
  if (step.tick_in_ms == 0 || step.tick_in_ms > in_ms)
    step.tick_in_ms = in_ms;
}

} // namespace bridging

struct bridge_state::impl {
  explicit impl(bridge_settings chosen) : settings(std::move(chosen)) {}

  struct visitor {
    impl& me;
    uint64_t now_ms;
    bridge_step& step;

    bool operator()(publish& what) const { return me.far.take(what, step); }
    bool operator()(settle& what) const { return me.far.take(what, step); }
    bool operator()(consume& what) const { return me.far.take(what, step); }
    bool operator()(cancel& what) const { return me.far.take(what, step); }
    bool operator()(ask& what) const { return me.far.take(what, step); }
    bool operator()(written& what) const { return me.far.take(what, step); }
    bool operator()(lend& what) const { return me.far.take(what, now_ms, step); }
    bool operator()(recall& what) const { return me.far.take(what); }
    bool operator()(forget& what) const { return me.far.take(what); }
    bool operator()(bridging::channel_ended& what) const { return me.far.take(what, step); }
    bool operator()(bridging::reply& what) const {
      step.replies.push_back({0, what.to, std::move(what.address), std::move(what.batch), what.where});
      return true;
    }
    bool operator()(report_ask& what) const {
      step.questions.push_back(what);
      return true;
    }
    bool operator()(taken& what) const { return me.home.take(what); }
    bool operator()(delivery& what) const { return me.home.take(what, step); }
    bool operator()(answer& what) const { return me.home.take(what, step); }
    bool operator()(confirms& what) const { return me.home.take(what, step); }
    bool operator()(fetched& what) const { return me.home.take(what, step); }
    bool operator()(consumer_event& what) const { return me.home.take(what, step); }
    bool operator()(want& what) const { return me.home.take(what); }
    bool operator()(returned& what) const { return me.home.take(what, step); }
    bool operator()(report_answer& what) const { return me.home.take(what, step); }
    bool operator()(gap& what) const { return me.home.take(what, step); }
  };

  void end(bridge_step& step) {
    if (!std::exchange(live, false))
      return;
    out.clear();
    home.session_ends(step);
    far.session_ends(step);
    out.clear();
  }
  void broken(std::string why, bridge_step& step) {
    end(step);
    step.broken = std::move(why);
  }

  bridge_settings settings;
  record_outbox out;
  home_side home{settings, out};
  far_side far{settings, out};
  bool live = false;
  uint64_t sessions = 0;
};

bridge_state::bridge_state(bridge_settings settings) : impl_(std::make_unique<impl>(std::move(settings))) {}

bridge_state::~bridge_state() = default;

void bridge_state::session_begins(bridge_step& step) {
  impl_->end(step);
  impl_->live = true;
  impl_->far.session_begins(++impl_->sessions);
  impl_->home.session_begins(step);
}

void bridge_state::session_ends(bridge_step& step) {
  impl_->end(step);
}

bool bridge_state::has_session() const {
  return impl_->live;
}

void bridge_state::frame(std::string_view bytes, uint64_t now_ms, bridge_step& step) {
  if (!impl_->live)
    return;
  auto records = decode(bytes);
  if (!records)
    return impl_->broken(records.error().text, step);
  const impl::visitor visitor{*impl_, now_ms, step};
  for (record& each : *records)
    if (!std::visit(visitor, each))
      return impl_->broken("a record of type " + std::to_string(each.index() + 1) + " that no node may send", step);
}

std::string bridge_state::next_frame() {
  return impl_->out.next_frame();
}

bool bridge_state::has_frames() const {
  return !impl_->out.empty();
}

void bridge_state::request(queue_id queue, queue_request what, bridge_step& step, epoch mastership) {
  impl_->home.request(impl_->live, queue, what, mastership, step);
}

void bridge_state::channel_ended(uint64_t channel) {
  impl_->home.channel_ended(channel);
  if (!impl_->live)
    impl_->out.clear();
}

void bridge_state::reply(direct_reply what) {
  if (impl_->live && impl_->out.reply_bytes() <= limits::reply_backlog_bytes)
    impl_->out.add(bridging::reply{what.to, std::move(what.address), std::move(what.batch), what.where});
}

void bridge_state::ask_report(uint64_t key, queue_id queue, bool consumers, uint64_t now_ms, bridge_step& step) {
  impl_->home.ask_report(impl_->live, key, queue, consumers, now_ms, step);
}

void bridge_state::events(uint64_t address, std::vector<queue_event> what, epoch from) {
  impl_->far.events(address, what, from);
}

void bridge_state::taken_over(uint64_t session, uint64_t publish) {
  impl_->far.taken_over(session, publish);
}

void bridge_state::place_wanted(uint64_t session, uint64_t channel, uint32_t places) {
  impl_->far.place_wanted(session, channel, places);
}

void bridge_state::undeliverable(queue_task what, bridge_step& step) {
  impl_->far.undeliverable(what, step);
}

void bridge_state::queues_changed(bridge_step& step) {
  impl_->far.queues_changed(step);
}

void bridge_state::answer_report(report_answer what) {
  if (impl_->live)
    impl_->out.add(std::move(what));
}

void bridge_state::tick(uint64_t now_ms, bridge_step& step) {
  impl_->home.tick(now_ms, step);
  impl_->far.tick(now_ms, step);
}

size_t bridge_state::twin_channels() const {
  return impl_->far.channels();
}
size_t bridge_state::twin_consumers() const {
  return impl_->far.consumers();
}
size_t bridge_state::channels() const {
  return impl_->home.channels();
}
size_t bridge_state::consumers() const {
  return impl_->home.consumers();
}
size_t bridge_state::unreleased_publishes() const {
  return impl_->home.unreleased();
}
size_t bridge_state::waiting_records() const {
  return impl_->out.size();
}
int64_t bridge_state::places_lent() const {
  return impl_->home.places_lent();
}

void bridge_state::check() const {
  impl_->home.check();
  impl_->far.check();
}

} // namespace broker
