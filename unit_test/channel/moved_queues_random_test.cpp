// A channel that publishes to replicated queues, consumes and gets from them, at random: masters change, nodes get out
// of reach, requests and events travel slowly, logs lose what was not committed. What is checked: each publish is in
// the log once and in order, confirmed once and never early, every message is settled once by the master that delivered
// it, the window and the client's credit balance. The same checks must notice the mistakes of channel/plant.hpp.
#include <boost/test/unit_test.hpp>

#include <deque>
#include <map>
#include <set>

#include "base/random.hpp"
#include "channel/harness.hpp"
#include "channel/plant.hpp"
#include "sample.hpp"

namespace moved_queues_random {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

channel_settings publishing_settings() {
  auto settings = channel_harness::default_settings();
  settings.publisher = {1, 10, 7};
  return settings;
}

/// One queue, whoever is its master, and the way to it.
struct replicated {
  queue_id id = 0;
  std::string name;
  epoch mastership = 1;
  epoch told = 1; ///< what the channel has heard of
  bool down = false;
  std::vector<confirm_number> log; ///< a message's sequence number is its index + 1
  size_t committed = 0;
  std::set<seqno> settled;
  struct held {
    consumer_ref who; ///< null: fetched
    seqno seq = 0;
  };
  std::vector<held> out;
  std::vector<consumer_ref> consumers;
  std::vector<std::pair<size_t, confirm_number>> repeated; ///< confirmed when so much is committed
  std::deque<std::pair<epoch, queue_request>> wire;
  std::deque<std::pair<epoch, queue_event>> events;

  confirm_number last() const { return log.empty() ? 0 : log.back(); }
};

class life {
public:
  explicit life(uint64_t seed) : random_(seed), channel_(publishing_settings()) {
    for (const char* name : {"a", "b"}) {
      replicated& queue = queues_.emplace_back();
      queue.name = name;
      queue.id = channel_.metadata->add_queue(name);
      channel_.metadata->set_master(name, 1);
      channel_.metadata->bind("amq.fanout", "", name);
    }
    channel_.send(amqp::confirm_class::select{});
    channel_.send(basic::qos{0, 5, true});
    for (const replicated& queue : queues_) {
      basic::consume wanted;
      wanted.queue = queue.name;
      wanted.consumer_tag = queue.name;
      channel_.send(wanted);
      collect();
      while (!queues_[0].wire.empty() || !queues_[1].wire.empty() || !queues_[0].events.empty()
             || !queues_[1].events.empty())
        travel();
    }
    batches_ = channel_.sink->times;
  }

  /// The first thing that is wrong; "" if nothing is.
  std::string run() {
    for (int step = 0; step < 400 && wrong_.empty(); ++step)
      act();
    for (replicated& queue : queues_)
      if (queue.down)
        come_back(queue);
    for (int round = 0; round < 300 && wrong_.empty(); ++round) {
      for (replicated& queue : queues_) {
        tell_move(queue);
        commit(queue, queue.log.size());
        hand_out(queue);
      }
      for (int i = 0; i < 20; ++i)
        travel();
      while (!open_.empty() && !getting_ && wrong_.empty())
        ack(*open_.rbegin(), true);
    }
    if (wrong_.empty())
      look_at_the_end();
    return wrong_;
  }

private:
  replicated& any() { return queues_[random_.below(queues_.size())]; }

  void act() {
    replicated& queue = any();
    switch (random_.below(13)) {
    case 0:
    case 1:
      if (!getting_)
        publish();
      return;
    case 2:
      return commit(queue, queue.committed + random_.below(queue.log.size() - queue.committed + 1));
    case 3:
      return hand_out(queue);
    case 4:
      if (!open_.empty() && !getting_)
        ack(*std::next(open_.begin(), static_cast<ptrdiff_t>(random_.below(open_.size()))), random_.chance(1, 3));
      return;
    case 5:
      if (random_.chance(1, 4))
        move(queue);
      return;
    case 6:
      return tell_move(queue);
    case 7:
      if (queue.down)
        come_back(queue);
      else if (random_.chance(1, 5))
        lose(queue);
      if (queue.down && random_.chance(1, 3)) { // the channel hears of neither before it asks
        come_back(queue);
        if (!getting_)
          get(queue);
      }
      return;
    case 8:
      if (!getting_)
        get(queue);
      return;
    default:
      for (auto count = 1 + random_.below(12); count > 0; --count)
        travel();
    }
  }

  // -- the client --
  void publish() {
    input_builder input;
    for (auto runs = 1 + random_.below(3); runs > 0; --runs) {
      publish_options options;
      options.count = static_cast<uint32_t>(1 + random_.below(4));
      const auto where = random_.below(3);
      input.publish(where == 2 ? "amq.fanout" : "", where == 0 ? "a" : "b", options);
      for (uint32_t i = 0; i < options.count; ++i) {
        ++published_;
        for (size_t at = 0; at < queues_.size(); ++at)
          if (where == 2 || where == at)
            wanted_[at].insert(published_);
        unconfirmed_.insert(published_);
      }
    }
    channel_.send(input);
    ++batches_;
    collect();
  }

  void ack(delivery_tag tag, bool multiple) {
    channel_.send(basic::ack{tag, multiple});
    ++batches_;
    open_.erase(multiple ? open_.begin() : open_.find(tag), open_.upper_bound(tag));
    collect();
  }

  /// Whatever it did next would wait for the answer.
  void get(const replicated& from) {
    getting_ = true;
    get_no_ack_ = random_.chance(1, 3);
    channel_.send(basic::get{0, from.name, get_no_ack_});
    ++batches_;
    collect();
  }

  void got_by_client(delivery_tag tag) {
    if (!std::exchange(getting_, false))
      fail("a get was answered twice");
    if (!get_no_ack_)
      open_.insert(tag);
  }

  void confirmed_to_client(delivery_tag tag, bool multiple) {
    if (!unconfirmed_.contains(tag))
      return fail("a publish was confirmed twice");
    const auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
    for (auto at = first; at != unconfirmed_.end() && *at <= tag; at = unconfirmed_.erase(at))
      for (size_t which = 0; which < queues_.size(); ++which)
        if (wanted_[which].contains(*at) && !is_committed(queues_[which], *at))
          fail("a publish was confirmed early");
  }
  static bool is_committed(const replicated& queue, confirm_number number) {
    const auto end = queue.log.begin() + static_cast<ptrdiff_t>(queue.committed);
    return std::find(queue.log.begin(), end, number) != end;
  }

  // -- between channel and queues --
  void collect() {
    auto& step = channel_.step;
    for (auto& [id, request] : std::exchange(step.requests, {})) {
      replicated& to = id == queues_[0].id ? queues_[0] : queues_[1];
      if (std::holds_alternative<settle_request>(request)
          && std::any_of(news_.begin(), news_.end(), [&](const auto& one) { return one.queue == &to; }))
        continue; // of a session that has ended: the bridge knows no such delivery
      to.wire.emplace_back(channel_.channel.mastership_of(id), std::move(request));
      if (to.down)
        refuse(to);
    }
    for (const outgoing& each : step.out)
      if (each.what == outgoing::kind::deliver)
        for (uint32_t i = 0; i < each.run.where.size(); ++i)
          open_.insert(each.first_tag + i);
    for (const auto& reply : channel_.replies()) {
      if (const auto* acked = std::get_if<basic::ack>(&reply))
        confirmed_to_client(acked->delivery_tag, acked->multiple);
      else if (const auto* fetched = std::get_if<basic::get_ok>(&reply))
        got_by_client(fetched->delivery_tag);
      else if (std::holds_alternative<basic::get_empty>(reply))
        getting_ = false;
      else if (std::holds_alternative<basic::nack>(reply))
        fail("a publish was refused");
      else if (std::holds_alternative<basic::cancel>(reply))
        fail("a consumer was cancelled");
      else if (std::holds_alternative<amqp::channel_class::close>(reply))
        fail("the channel was closed");
    }
    const auto window = channel_.channel.unacked();
    if (window != open_.size())
      fail("the client and the channel count differently");
  }
  static void let_go(queue_request& what) {
    if (auto* publish = std::get_if<publish_request>(&what))
      publish->batch->release();
  }
  /// There is no session: the bridge says so.
  void refuse(replicated& queue) {
    auto [stamp, what] = std::move(queue.wire.back());
    queue.wire.pop_back();
    let_go(what);
    if (std::holds_alternative<publish_request>(what) || std::holds_alternative<consume_request>(what)
        || std::holds_alternative<get_request>(what))
      news_.push_back({&queue, stamp, false});
  }

  void travel() {
    replicated& queue = any();
    if (!news_.empty() && random_.chance(1, 2)) {
      const auto [of, stamp, back] = news_.front();
      news_.pop_front();
      if (back)
        channel_.channel.queue_moved(of->id, stamp, channel_.step);
      else
        channel_.channel.queue_unreachable(of->id, {404, "down"}, channel_.step, stamp);
      collect();
    }
    if (random_.chance(1, 2) && !queue.wire.empty()) {
      auto [stamp, what] = std::move(queue.wire.front());
      queue.wire.pop_front();
      take(queue, stamp, what);
    } else if (!queue.events.empty() && !waits_for_news(queue, queue.events.front().first)) {
      auto [from, what] = std::move(queue.events.front());
      queue.events.pop_front();
      const size_t before = open_.size();
      channel_.answer(std::move(what), from);
      collect();
      if (from < queue.told && open_.size() != before)
        fail("the client heard of a delivery of an earlier master");
    }
  }

  /// A bridge says everything in order.
  bool waits_for_news(const replicated& queue, epoch from) const {
    return std::any_of(news_.begin(), news_.end(),
                       [&](const auto& one) { return one.queue == &queue && one.mastership == from; });
  }

  // -- the masters --
  void take(replicated& queue, epoch stamp, queue_request& what) {
    if (stamp != queue.mastership)
      return let_go(what);
    if (auto* publish = std::get_if<publish_request>(&what))
      return append(queue, *publish);
    if (auto* consume = std::get_if<consume_request>(&what)) {
      queue.consumers.push_back(consume->who);
      queue.events.emplace_back(queue.mastership, consume_done{consume->who, true, {}});
    } else if (auto* cancel = std::get_if<cancel_request>(&what)) {
      std::erase(queue.consumers, cancel->who);
      queue.events.emplace_back(queue.mastership, cancel_done{cancel->who});
    } else if (auto* get = std::get_if<get_request>(&what)) {
      answer(queue, *get);
    } else if (auto* settled = std::get_if<settle_request>(&what)) {
      for (const seq_range& range : settled->seqs)
        for (seqno seq = range.first; seq < range.last; ++seq)
          settle(queue, settled->by, seq, settled->what == settle_request::kind::requeue);
    }
  }
  void settle(replicated& queue, const consumer_ref& by, seqno seq, bool back) {
    const auto held = std::find_if(queue.out.begin(), queue.out.end(),
                                   [&](const auto& one) { return one.who == by && one.seq == seq; });
    if (held != queue.out.end())
      queue.out.erase(held);
    else if (!back)
      return fail("a message was settled that its master had not delivered");
    if (!back)
      queue.settled.insert(seq);
  }
  void append(replicated& queue, publish_request& what) {
    confirm_number prev = what.from.prev;
    for (const slice& part : what.slices)
      for (uint32_t i = part.lo; i < part.hi; ++i) {
        const confirm_number number = what.batch->first_confirm + i;
        if (number <= queue.last()) {
          queue.repeated.emplace_back(queue.log.size(), number);
        } else if (prev != queue.last()) {
          queue.events.emplace_back(queue.mastership, publish_gap{queue.id, queue.last()});
          return what.batch->release();
        } else {
          queue.log.push_back(number);
        }
        prev = number;
      }
    what.batch->release();
    confirm_repeated(queue);
  }
  void confirm_repeated(replicated& queue) {
    std::erase_if(queue.repeated, [&](const auto& one) {
      if (one.first > queue.committed)
        return false;
      queue.events.emplace_back(queue.mastership, confirmed{queue.id, {one.second, one.second + 1}, false});
      return true;
    });
  }
  void commit(replicated& queue, size_t upto) {
    if (queue.down)
      return;
    for (; queue.committed < upto; ++queue.committed) {
      const confirm_number number = queue.log[queue.committed];
      queue.events.emplace_back(queue.mastership, confirmed{queue.id, {number, number + 1}, false});
    }
    confirm_repeated(queue);
  }
  static bool is_ready(const replicated& queue, seqno seq) {
    return !queue.settled.contains(seq)
        && std::none_of(queue.out.begin(), queue.out.end(), [&](const auto& one) { return one.seq == seq; });
  }
  void answer(replicated& queue, const get_request& get) {
    got what;
    what.queue = queue.id;
    what.no_ack = get.no_ack;
    what.question = get.question;
    seqno seq = 1;
    while (seq <= queue.committed && !is_ready(queue, seq))
      ++seq;
    if (seq <= queue.committed) {
      what.run = {some_messages(1), {0, 1}, seq};
      if (get.no_ack)
        queue.settled.insert(seq);
      else
        queue.out.push_back({nullptr, seq});
    }
    queue.events.emplace_back(queue.mastership, std::move(what));
  }
  void hand_out(replicated& queue) {
    if (queue.consumers.empty() || queue.down)
      return;
    const consumer_ref who = queue.consumers.back();
    for (seqno seq = 1; seq <= queue.committed; ++seq) {
      if (!is_ready(queue, seq))
        continue;
      if (who->window->unacked.load() >= who->window->limit.load())
        return;
      ++who->window->unacked;
      queue.out.push_back({who, seq});
      queue.events.emplace_back(queue.mastership, delivered{who, {some_messages(1), {0, 1}, seq}, false, 0});
    }
  }
  /// What its consumers hold returns; what was not committed may be lost.
  void end_office(replicated& queue) {
    queue.out.clear();
    queue.repeated.clear();
    queue.consumers.clear();
  }
  void move(replicated& queue) {
    for (const consumer_ref& who : queue.consumers)
      queue.events.emplace_back(queue.mastership, consumer_cancelled{who, true});
    end_office(queue);
    queue.log.resize(queue.committed + random_.below(queue.log.size() - queue.committed + 1));
    ++queue.mastership;
    queue.down = false; // it is on another node
    channel_.metadata->set_master(queue.name, queue.mastership);
    if (random_.chance(1, 2))
      tell_move(queue);
  }
  void tell_move(replicated& queue) {
    if (queue.told == queue.mastership)
      return;
    queue.told = queue.mastership;
    channel_.channel.queue_moved(queue.id, queue.mastership, channel_.step);
    collect();
  }
  void lose(replicated& queue) {
    queue.down = true;
    for (auto& [stamp, what] : std::exchange(queue.wire, {}))
      let_go(what);
    for (auto& [from, what] : std::exchange(queue.events, {}))
      if (const auto* one = std::get_if<delivered>(&what)) // the bridge takes back what it has lent
        --one->who->window->unacked;
    end_office(queue);
    news_.push_back({&queue, queue.told, false});
  }
  /// The channel may send before it hears of it.
  void come_back(replicated& queue) {
    queue.down = false;
    news_.push_back({&queue, queue.told, true});
  }

  void look_at_the_end() {
    for (size_t at = 0; at < queues_.size(); ++at) {
      const replicated& queue = queues_[at];
      if (std::vector<confirm_number>(wanted_[at].begin(), wanted_[at].end()) != queue.log)
        return fail("a publish is lost, doubled or overtaken");
      if (queue.settled.size() != queue.log.size())
        return fail("a message is never delivered, or its settlement is lost");
      if (!queue.out.empty())
        return fail("a message is held for ever");
      if (queue.consumers.size() != 1)
        return fail("a consumer is gone or doubled");
      if (queue.consumers[0]->window->unacked.load() != 0)
        return fail("the window does not balance");
    }
    if (!unconfirmed_.empty())
      return fail("a publish has no answer");
    if (getting_)
      return fail("a get has no answer");
    if (channel_.sink->times != batches_)
      return fail("credit was not given back, or twice");
  }

  void fail(const std::string& what) {
    if (wrong_.empty())
      wrong_ = what;
  }

  random_source random_;
  channel_harness channel_;
  std::vector<replicated> queues_;
  struct bridge_news {
    replicated* queue = nullptr;
    epoch mastership = 0;
    bool back = false; ///< else it is out of reach
  };
  std::deque<bridge_news> news_;
  confirm_number published_ = 0;
  std::set<confirm_number> wanted_[2];
  std::set<confirm_number> unconfirmed_;
  std::set<delivery_tag> open_;
  bool getting_ = false; ///< a get waits for its answer
  bool get_no_ack_ = false;
  size_t batches_ = 0;
  std::string wrong_;
};

} // namespace
} // namespace moved_queues_random

BOOST_AUTO_TEST_SUITE(moved_queues_random)

BOOST_AUTO_TEST_CASE(nothing_is_lost_doubled_or_overtaken_when_masters_change) {
  for (uint64_t seed = 1; seed <= sample::seeds(300); ++seed) {
    const std::string wrong = life{seed}.run();
    BOOST_CHECK_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
  }
}

BOOST_AUTO_TEST_CASE(each_planted_mistake_is_noticed) {
  using channels::plant;
  for (const plant mistake : channels::all_plants) {
    channels::planted_mistake = mistake;
    int noticed = 0;
    for (uint64_t seed = 1; seed <= 200; ++seed)
      noticed += life{seed}.run().empty() ? 0 : 1;
    channels::planted_mistake = plant::none;
    BOOST_CHECK_MESSAGE(noticed > 0, "planted mistake " << static_cast<int>(mistake) << " is not noticed");
  }
}

BOOST_AUTO_TEST_SUITE_END()
