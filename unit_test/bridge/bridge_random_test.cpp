// Random lives of two nodes: channels on both, queues on both, frames that arrive when they like, connections that
// break, sessions that end. What is checked: no loss, no double, order, the window, and that nothing is left behind.
// The same checks must notice a link that loses, repeats or swaps frames.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "base/random.hpp"
#include "bridge/two_nodes.hpp"
#include "sample.hpp"

using namespace bridge_test;

namespace bridge_random {
namespace {

enum class plant { none, lose_frame, repeat_frame, swap_frames };

/// One channel with its client: publishes in confirm mode, consumes and settles.
struct client {
  node_side* home = nullptr;
  uint64_t id = 0;
  channel_ref channel;
  ref<prefetch_window> window = make_ref<prefetch_window>();
  confirm_number next = 1;
  std::map<confirm_number, std::pair<queue_id, uint64_t>> unconfirmed; ///< queue, number of the message
  struct held {
    consumer_ref who;
    seqno seq;
    uint64_t number;
  };
  std::vector<held> unsettled;
  std::map<consumer_ref::element_type*, consumer_ref> consumers;
};

class life {
public:
  life(uint64_t seed, bool sessions_end, plant mistake)
    : random_(seed), sessions_end_(sessions_end), mistake_(mistake), mistake_at_(10 + random_.below(100)) {
    if (mistake != plant::none)
      world.tamper = [this](std::deque<std::string>& wire) { spoil(wire); };
    for (const queue_id id : {1, 2})
      world.a.add_queue(id);
    for (const queue_id id : {3, 4})
      world.b.add_queue(id);
    for (uint64_t id = 1; id <= 4; ++id) {
      client one;
      one.home = id % 2 == 0 ? &world.a : &world.b;
      one.id = id;
      one.channel = one.home->channel();
      one.window->limit.store(id < 3 ? 5 : 50'000'000);
      clients.push_back(std::move(one));
    }
  }

  /// The first thing that is wrong; "" if nothing is.
  std::string run() {
    for (int step = 0; step < 600 && wrong.empty(); ++step)
      act();
    world.window = SIZE_MAX;
    for (int round = 0; round < 100 && wrong.empty(); ++round) {
      world.pass(10);
      for (client& each : clients)
        hear(each);
      settle_everything();
      if (round == 0)
        for (client& each : clients) // whoever lost its consumers gets others
          for (queue_id id = 1; id <= 4; ++id)
            begin(each, id);
    }
    if (wrong.empty())
      look_at_the_end();
    return wrong;
  }

  bool made() const { return made_; }

private:
  void act() {
    client& one = clients[random_.below(clients.size())];
    const queue_id queue = 1 + random_.below(4);
    switch (random_.below(9)) {
    case 0:
    case 1:
      publish(one, queue);
      break;
    case 2:
      if (one.consumers.size() < 3)
        begin(one, queue);
      break;
    case 3:
      settle_some(one);
      break;
    case 4:
      world.window = random_.below(3) == 0 ? 0 : 1 + random_.below(4); // broken, or slow
      break;
    case 5:
      if (sessions_end_ && random_.below(20) == 0) {
        world.lose();
        for (client& each : clients)
          hear(each);
        world.connect();
      }
      break;
    case 6:
      world.pass(1 + random_.below(5));
      break;
    default:
      for (node_side* each : {&world.a, &world.b}) {
        if (random_.below(2) == 0)
          each->bring_in();
        world.pump(*each);
        if (random_.below(2) == 0)
          world.deliver(*each);
      }
    }
    for (client& each : clients)
      hear(each);
  }

  void spoil(std::deque<std::string>& wire) {
    if ((made_ && mistake_ != plant::swap_frames) || wire.empty() || ++arrivals_ < mistake_at_)
      return;
    if (mistake_ == plant::lose_frame)
      wire.pop_front();
    else if (mistake_ == plant::repeat_frame)
      wire.push_front(wire.front());
    else if (wire.size() > 1)
      std::swap(wire[0], wire[1]);
    else
      return;
    made_ = true;
  }

  void publish(client& one, queue_id queue) {
    const auto count = static_cast<uint32_t>(1 + random_.below(4));
    const uint64_t first = (one.id << 32) + one.next;
    for (uint32_t i = 0; i < count; ++i) {
      one.unconfirmed[one.next + i] = {queue, first + i};
      published[queue].insert(first + i);
    }
    one.home->publish(one.channel, queue, numbered(first, count, random_.below(2) == 0), one.next);
    one.next += count;
  }

  void begin(client& one, queue_id queue) {
    const consumer_ref who =
      one.home->consume(one.channel, queue, false, static_cast<uint16_t>(random_.below(4)), one.window);
    one.consumers.emplace(who.get(), who);
  }

  void hear(client& one) {
    auto& lost = one.home->lost[one.channel->id];
    for (const queue_lost& each : std::exchange(lost, {})) {
      std::erase_if(one.unconfirmed, [&](const auto& entry) { return entry.second.first == each.queue; });
      std::erase_if(one.consumers, [&](const auto& entry) { return entry.second->queue == each.queue; });
    }
    for (const confirmed& each : one.home->take<confirmed>(one.channel))
      for (confirm_number number = each.numbers.first; number < each.numbers.last; ++number) {
        const auto at = one.unconfirmed.find(number);
        if (at == one.unconfirmed.end()) {
          if (!sessions_end_)
            fail("a publish was confirmed twice");
          continue; // counted as lost before
        }
        if (at->second.first != each.queue || each.rejected)
          fail("a queue answered for another");
        confirmed_[at->second.first].insert(at->second.second);
        one.unconfirmed.erase(at);
      }
    for (delivered& each : one.home->take<delivered>(one.channel))
      take(one, each);
    if (!one.home->take<window_returned>(one.channel).empty())
      has_room(one);
    if (one.window->unacked.load() > one.window->limit.load())
      fail("the window was exceeded");
    if (one.unsettled.size() > one.window->limit.load())
      fail("more was delivered than the window allows");
  }

  void take(client& one, const delivered& what) {
    for (uint32_t i = 0; i < what.run.where.size(); ++i) {
      const uint64_t number = number_of(what.run.batch->messages[what.run.where.lo + i]);
      one.unsettled.push_back({what.who, what.run.first + i, number});
      if (!published[what.who->queue].contains(number))
        fail("a message came out of a queue that it did not go into");
      const bool seen = !seen_.insert({what.who->queue, number}).second;
      if (seen && !what.redelivered)
        fail("a message was delivered twice");
      if (seen || what.redelivered)
        continue;
      // Of one publisher to one consumer: what was never delivered before arrives in the order of publishing.
      uint64_t& last = last_[{what.who.get(), number >> 32}];
      if (number <= last)
        fail("a message overtook another");
      last = number;
    }
  }

  void settle_some(client& one) {
    if (one.unsettled.empty())
      return;
    const size_t at = random_.below(one.unsettled.size());
    settle(one, at, random_.below(3) == 0 ? settle_request::kind::requeue : settle_request::kind::ack);
  }

  void settle(client& one, size_t at, settle_request::kind how) {
    const client::held what = one.unsettled[at];
    one.unsettled.erase(one.unsettled.begin() + static_cast<std::ptrdiff_t>(at));
    const bool lives = one.consumers.contains(what.who.get());
    if (how == settle_request::kind::ack && !acked[what.who->queue].insert(what.number).second && lives
        && !sessions_end_)
      fail("a message was settled twice");
    const int64_t before = one.window->unacked.fetch_sub(1);
    one.home->settle(how, what.who, what.seq, what.seq + 1);
    const int64_t limit = one.window->limit.load();
    if (before >= limit && before - 1 < limit)
      has_room(one);
  }

  void has_room(client& one) {
    for (const auto& [key, who] : std::map{one.consumers})
      one.home->send(who->queue, consumer_ready{who});
  }

  void settle_everything() {
    for (client& each : clients)
      while (!each.unsettled.empty())
        settle(each, 0, settle_request::kind::ack);
  }

  void look_at_the_end() {
    for (node_side* each : {&world.a, &world.b}) {
      if (!each->broken.empty())
        return fail("the session broke: " + each->broken);
      if (each->bridge->unreleased_publishes() != 0)
        return fail("credit was not given back");
      if (each->bridge->waiting_records() != 0)
        return fail("records wait for ever");
      for (const auto& [id, queue] : each->queues) {
        if (queue->machine->messages_ready() + queue->machine->messages_unacked() != 0)
          return fail("queue " + std::to_string(id) + " keeps messages that nobody gets");
        for (const uint64_t number : sessions_end_ ? confirmed_[id] : published[id])
          if (!acked[id].contains(number))
            return fail("a message is lost");
      }
    }
    for (const client& each : clients)
      if (!each.unconfirmed.empty())
        return fail("a publish has no answer");
  }

  void fail(const std::string& what) {
    if (wrong.empty())
      wrong = what;
  }

  two_nodes world;
  random_source random_;
  const bool sessions_end_;
  const plant mistake_;
  const uint64_t mistake_at_;
  uint64_t arrivals_ = 0;
  bool made_ = false;
  std::vector<client> clients;
  std::map<queue_id, std::set<uint64_t>> published, confirmed_, acked;
  std::set<std::pair<queue_id, uint64_t>> seen_;
  std::map<std::pair<const consumer*, uint64_t>, uint64_t> last_;
  std::string wrong;
};

} // namespace
} // namespace bridge_random

BOOST_AUTO_TEST_SUITE(bridge_random)

BOOST_AUTO_TEST_CASE(nothing_is_lost_doubled_or_reordered_while_the_session_lives) {
  for (uint64_t seed = 1; seed <= sample::seeds(200); ++seed)
    BOOST_CHECK_MESSAGE(life(seed, false, plant::none).run().empty(), "seed " << seed);
}

BOOST_AUTO_TEST_CASE(what_was_confirmed_survives_the_end_of_sessions) {
  for (uint64_t seed = 1; seed <= sample::seeds(200); ++seed) {
    const std::string wrong = life(seed, true, plant::none).run();
    BOOST_CHECK_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
  }
}

BOOST_AUTO_TEST_CASE(a_link_that_loses_repeats_or_swaps_frames_is_noticed) {
  for (const plant mistake : {plant::lose_frame, plant::repeat_frame, plant::swap_frames}) {
    int made = 0;
    int noticed = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      life one{seed, false, mistake};
      noticed += one.run().empty() ? 0 : 1;
      made += one.made() ? 1 : 0;
    }
    BOOST_CHECK_GE(made, 20);
    // A lost frame may hold nothing that matters, and most frames of different channels may as well change places.
    BOOST_CHECK_GE(noticed, mistake == plant::swap_frames ? 10 : made * 8 / 10);
  }
}

BOOST_AUTO_TEST_SUITE_END()
