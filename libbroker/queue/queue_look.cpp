// Looking into a queue (features.md U13): what is in memory is shown as it is, what is on disk is read back for the
// looker alone. Nothing of the queue changes.
#include "queue/queue_look.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::run;

namespace {

/// Reads of one look: where messages lie further apart on disk, it shows fewer.
constexpr size_t reads_max = 32;

} // namespace

/// The runs in question, without more than is wanted of the first and the last.
std::vector<run> queue_state::impl::runs_to_see(const look_order& order) const {
  std::vector<run> chosen;
  uint64_t skip = order.skip;
  uint64_t left = std::min(order.count, look_order::count_max);
  uint64_t bytes = 0;
  size_t reads = 0;
  for (size_t at = 0; at < ready.runs() && left > 0 && bytes < look_order::bytes_max; ++at) {
    run one = ready.at(at);
    if (skip >= one.count) {
      skip -= one.count;
      continue;
    }
    if (skip > 0)
      cut_front(one, static_cast<uint32_t>(std::exchange(skip, 0)));
    if (left < one.count)
      one = cut_front(one, static_cast<uint32_t>(left));
    if (!one.batch && ++reads > reads_max)
      break;
    left -= one.count;
    bytes += one.body;
    chosen.push_back(std::move(one));
  }
  return chosen;
}

bool queue_state::look(const look_order& order, uint64_t now_ms, queue_step& step) {
  impl& me = *impl_;
  if (me.now == impl::phase::deleted || me.looks.size() >= looks_max)
    return false;
  me.now_ms = now_ms;
  impl::look_under_way look{order.number, me.runs_to_see(order), {}, 0};
  for (const run& one : look.runs)
    if (!one.batch) {
      ++look.reads;
      me.pages.read(queueing::pager::reader::look, one.range(), look_order::bytes_max);
    }
  me.looks.push_back(std::move(look));
  me.answer_looks(step);
  return true;
}

/// Answers come in the order in which the reads were asked for: look by look, and within one run by run.
void queue_state::impl::look_read(seq_range asked, const std::vector<stored_run>& runs, queue_step& step) {
  const auto waiting = std::find_if(looks.begin(), looks.end(), [](const auto& each) { return each.reads > 0; });
  BROKER_ASSERT(waiting != looks.end(), "nobody looks");
  --waiting->reads;
  waiting->found.push_back({asked, runs});
  answer_looks(step);
}

void queue_state::impl::answer_looks(queue_step& step) {
  while (!looks.empty() && looks.front().reads == 0) {
    look_under_way look = std::move(looks.front());
    looks.pop_front();
    look_answer answer{look.number, {}};
    auto found = look.found.begin();
    for (const run& one : look.runs) {
      if (one.batch) {
        answer.runs.push_back({one.stored(), one.redelivered});
        continue;
      }
      BROKER_ASSERT(found != look.found.end() && found->asked.first == one.first, "an answer to something else");
      uint64_t messages = 0;
      for (const stored_run& part : (found++)->runs) {
        answer.runs.push_back({part, one.redelivered});
        messages += part.where.size();
      }
      if (messages < one.count)
        break; // what follows would seem to be next
    }
    step.looks.push_back(std::move(answer));
  }
}

queue_flow queue_state::flow() const {
  const impl& me = *impl_;
  queue_flow result;
  result.ready = me.ready.messages();
  for (const queueing::holder& one : me.holders) {
    using state = queueing::holder::state;
    result.awake += one.is == state::awake;
    result.at_prefetch += one.is == state::at_prefetch;
    result.starved += one.is == state::starved;
    result.waiting += one.is == state::waiting;
  }
  result.withheld = me.holds.any_withheld();
  result.by_store = result.withheld && me.congested;
  result.by_pace = result.withheld && me.pacing();
  result.paused = me.paused;
  result.unconfirmed = me.confirms.messages();
  result.on_disk = me.ready.messages_paged();
  return result;
}

} // namespace broker
