// Nothing that arrives is believed: counts are compared with what is there, ranges and indices with each other, and
// what the state machines assert of a request or an event is checked here.
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.hpp"
#include "cluster/queue_wire.hpp"
#include "cluster/wire_fields.hpp"
#include "model/message_payload.hpp"

namespace broker::bridging {

namespace {

/// Sequence and confirm numbers count from 1; below this their sums cannot overflow.
constexpr uint64_t number_max = uint64_t{1} << 62;

class decoder {
public:
  explicit decoder(std::string_view frame) : frame_(frame), in_(frame) {}

  result<std::vector<record>> all() {
    std::vector<record> found;
    while (in_.ok() && !in_.empty()) {
      one(found);
      if (!in_.ok())
        return error{0, "a malformed record of type " + std::to_string(type_) + " from another node"};
    }
    return found;
  }

private:
  void one(std::vector<record>& into) {
    using reader = void (decoder::*)(record&);
    static constexpr reader readers[] = {
      &decoder::read<publish>,       &decoder::read<settle>,   &decoder::read<consume>,
      &decoder::read<cancel>,        &decoder::read<ask>,      &decoder::read<written>,
      &decoder::read<lend>,          &decoder::read<recall>,   &decoder::read<forget>,
      &decoder::read<channel_ended>, &decoder::read<reply>,    &decoder::read<report_ask>,
      &decoder::read<taken>,         &decoder::read<delivery>, &decoder::read<answer>,
      &decoder::read<confirms>,      &decoder::read<fetched>,  &decoder::read<consumer_event>,
      &decoder::read<want>,          &decoder::read<returned>, &decoder::read<report_answer>,
      &decoder::read<gap>,
    };
    static_assert(std::size(readers) == std::variant_size_v<record>);
    type_ = in_.octet();
    if (type_ == 0 || type_ > std::size(readers))
      return in_.fail();
    record found;
    (this->*readers[type_ - 1])(found);
    if (in_.ok())
      into.push_back(std::move(found));
  }

  template<class T>
  void read(record& into) {
    T& what = into.emplace<T>();
    fields(what);
  }

  // -- parts --
  template<class Enum>
  Enum enumeration(Enum last) {
    const uint8_t value = in_.octet();
    if (value > static_cast<uint8_t>(last))
      in_.fail();
    return static_cast<Enum>(value);
  }
  void flags(std::initializer_list<bool*> which) {
    unsigned octet = in_.octet();
    for (bool* flag : which) {
      *flag = (octet & 1) != 0;
      octet >>= 1;
    }
    if (octet != 0)
      in_.fail();
  }
  uint64_t key() {
    const uint64_t value = in_.varint(number_max);
    if (value == 0)
      in_.fail();
    return value;
  }
  error failure() {
    error what;
    what.code = static_cast<uint16_t>(in_.varint(UINT16_MAX));
    what.text = in_.text();
    return what;
  }
  replication::channel_id publisher() {
    replication::channel_id who;
    who.node = number();
    who.inc = in_.varint();
    who.number = key();
    return who;
  }
  epoch mastership() { return in_.varint(number_max); }
  uint32_t number() { return static_cast<uint32_t>(in_.varint(UINT32_MAX)); }
  /// A non-empty range behind `from`.
  seq_range range(uint64_t from) {
    const uint64_t gap = in_.varint(number_max);
    const uint64_t size = in_.varint(number_max);
    if (size == 0 || from + gap > number_max)
      in_.fail();
    return {from + gap, from + gap + size};
  }

  /// The whole frame in a block, on first use: everything that is decoded from it points there.
  const char* in_block(const char* at) {
    if (!home_) {
      home_ = block_ref{block::create(frame_.size())};
      std::memcpy(home_->data(), frame_.data(), frame_.size());
    }
    return home_->data() + (at - frame_.data());
  }
  /// `count` messages; appended to `batch`.
  void messages(uint32_t count, publish_batch& batch) {
    const std::string_view payload = in_.text();
    if (!in_.ok() || count == 0 || payload.size() / message_head_bytes < count)
      return in_.fail();
    std::vector<message>& all = batch.messages;
    const size_t before = all.size();
    if (!parse_messages({in_block(payload.data()), payload.size()}, count, all))
      return in_.fail();
    for (size_t i = before; i < all.size(); ++i) {
      if (!check_content(all[i]))
        return in_.fail();
      batch.bytes += all[i].raw_size + limits::publish_overhead_bytes;
    }
    batch.blocks.push_back(home_);
  }
  stored_run run() {
    stored_run found;
    found.first = key();
    const uint32_t count = in_.count(message_head_bytes);
    found.batch = make_ref<publish_batch>();
    messages(count, *found.batch);
    found.where = {0, count};
    return found;
  }

  // -- requests --
  void fields(publish& what) {
    what.channel = key();
    bool stamped = false;
    bool from = false;
    flags({&what.confirm, &stamped, &from});
    if (from && !what.confirm)
      return in_.fail();
    if (from)
      what.publisher = publisher();
    what.batch = make_ref<publish_batch>();
    what.batch->first_confirm = in_.varint(number_max);
    std::vector<slice> parts;
    uint64_t end = 0;
    uint64_t count = 0;
    for (uint32_t left = in_.count(2); left > 0 && in_.ok(); --left) {
      const uint64_t gap = in_.varint(parts.empty() ? 0 : gap_max);
      const uint64_t size = in_.varint(frame_.size() / message_head_bytes);
      if (size == 0 || end + gap + size > UINT32_MAX)
        return in_.fail();
      parts.push_back({static_cast<uint32_t>(end + gap), static_cast<uint32_t>(end + gap + size)});
      end += gap + size;
      count += size;
    }
    if (count > frame_.size() / message_head_bytes)
      return in_.fail();
    messages(static_cast<uint32_t>(count), *what.batch);
    if (!in_.ok())
      return;
    spread(parts, static_cast<uint32_t>(end), what.batch->messages);
    targets(parts, stamped, what);
    if (in_.ok() && parts_of(what) != joined(parts))
      in_.fail(); // a message that is for nobody
  }
  static std::vector<slice> joined(const std::vector<slice>& parts) {
    std::vector<slice> all;
    for (const slice& each : parts) {
      if (!all.empty() && all.back().hi == each.lo)
        all.back().hi = each.hi;
      else
        all.push_back(each);
    }
    return all;
  }
  /// Makes room for the messages that were not sent, so that the others keep their numbers.
  static void spread(const std::vector<slice>& parts, uint32_t end, std::vector<message>& all) {
    if (all.size() == end)
      return;
    std::vector<message> spaced(end, message{});
    auto from = all.begin();
    for (const slice& part : parts) {
      std::copy_n(from, part.size(), spaced.begin() + part.lo);
      from += part.size();
    }
    all = std::move(spaced);
  }
  void targets(const std::vector<slice>& parts, bool stamped, publish& into) {
    uint32_t left = in_.count(2);
    if (left == 0)
      in_.fail();
    for (; left > 0 && in_.ok(); --left) {
      publish::target one;
      one.queue = key();
      if (stamped)
        one.mastership = mastership();
      if (!into.publisher.none())
        if (const uint64_t prev = in_.varint(number_max); prev != 0)
          one.prev = prev - 1;
      uint32_t slices = in_.count(2);
      if (slices == 0)
        one.slices = parts;
      uint64_t from = 0;
      auto part = parts.begin();
      for (; slices > 0 && in_.ok(); --slices) {
        const uint64_t lo = from + in_.varint(UINT32_MAX);
        const uint64_t hi = lo + in_.varint(UINT32_MAX);
        while (part != parts.end() && part->hi <= lo)
          ++part;
        if (hi == lo || part == parts.end() || lo < part->lo || hi > part->hi)
          return in_.fail();
        one.slices.push_back({static_cast<uint32_t>(lo), static_cast<uint32_t>(hi)});
        from = hi;
      }
      // Numbers rise from 1 on, behind the publish before.
      if (one.prev && (!in_.ok() || *one.prev >= into.batch->first_confirm + one.slices.front().lo))
        return in_.fail();
      into.targets.push_back(std::move(one));
    }
  }
  void fields(settle& what) {
    what.what = enumeration(settle_request::kind::requeue);
    what.channel = key();
    what.queue = key();
    what.by = in_.varint(number_max);
    uint32_t left = in_.count(2);
    if (left == 0)
      in_.fail();
    uint64_t from = 0;
    for (; left > 0 && in_.ok(); --left) {
      what.seqs.push_back(range(from));
      from = what.seqs.back().last;
    }
    what.mastership = mastership();
  }
  void fields(consume& what) {
    what.key = key();
    what.channel = key();
    what.channel_id = static_cast<channel_number>(in_.varint(UINT16_MAX));
    what.connection = in_.varint();
    what.queue = key();
    what.queue_name = in_.name();
    what.tag = in_.name();
    flags({&what.no_ack, &what.exclusive, &what.windowed});
    what.prefetch = static_cast<uint16_t>(in_.varint(UINT16_MAX));
    const int64_t priority = in_.signed_varint();
    if (priority < INT32_MIN || priority > INT32_MAX || (what.windowed && what.no_ack))
      in_.fail();
    what.priority = static_cast<int32_t>(priority);
    what.arguments = in_.table();
    what.mastership = mastership();
  }
  void fields(cancel& what) { what.key = key(); }
  void fields(ask& what) {
    what.what = enumeration(ask::kind::gone);
    what.channel = key();
    what.queue = key();
    bool from = false;
    flags({&what.no_ack, &what.if_unused, &what.if_empty, &from});
    what.mastership = mastership();
    what.question = in_.varint(number_max);
    if (from)
      what.publisher = publisher();
  }
  void fields(written& what) {
    what.key = key();
    what.bytes = in_.varint(number_max);
  }
  void fields(lend& what) {
    what.channel = key();
    what.places = number();
    flags({&what.tight});
  }
  void fields(recall& what) { what.channel = key(); }
  void fields(forget& what) { what.key = key(); }
  void fields(channel_ended& what) { what.channel = key(); }
  void fields(reply& what) {
    what.to = key();
    what.address = in_.name();
    const uint32_t count = in_.count(message_head_bytes);
    what.batch = make_ref<publish_batch>();
    messages(count, *what.batch);
    what.where = {0, count};
  }
  void fields(report_ask& what) {
    what.key = key();
    what.queue = key();
    flags({&what.consumers});
  }

  // -- events --
  void fields(taken& what) { what.records = range(0); }
  void fields(delivery& what) {
    what.key = key();
    flags({&what.redelivered});
    what.bytes = in_.varint(number_max);
    what.run = run();
  }
  void fields(answer& what) {
    what.what = enumeration(answer::kind::elsewhere);
    what.channel = key();
    what.queue = key();
    what.messages = number();
    what.consumers = number();
    bool refused = false;
    flags({&refused});
    if (refused)
      what.refused = failure();
    what.mastership = mastership();
    what.question = in_.varint(number_max);
  }
  void fields(confirms& what) {
    what.channel = key();
    what.queue = key();
    what.numbers = range(0);
    flags({&what.rejected});
  }
  void fields(fetched& what) {
    what.channel = key();
    what.queue = key();
    bool found = false;
    flags({&found, &what.redelivered, &what.no_ack});
    what.messages_left = number();
    what.mastership = mastership();
    what.question = in_.varint(number_max);
    if (!found)
      return;
    what.run = run();
    if (what.run.where.size() != 1)
      in_.fail();
  }
  void fields(consumer_event& what) {
    what.what = enumeration(consumer_event::kind::forgotten);
    what.key = key();
    if (what.what == consumer_event::kind::refused)
      what.why = failure();
  }
  void fields(want& what) {
    what.channel = key();
    what.places = number();
  }
  void fields(returned& what) {
    what.channel = key();
    what.places = number();
  }
  void fields(gap& what) {
    what.channel = key();
    what.queue = key();
    what.last_number = in_.varint(number_max);
    what.mastership = mastership();
  }
  void fields(report_answer& what) {
    what.key = key();
    bool queue = false;
    bool consumers = false;
    flags({&queue, &consumers});
    if (queue)
      fields(what.queue.emplace());
    if (!consumers)
      return;
    auto& all = what.consumers.emplace();
    for (uint32_t left = in_.count(11); left > 0 && in_.ok(); --left)
      fields(all.emplace_back());
  }
  void fields(queue_report& what) {
    for (uint64_t* figure : {&what.ready, &what.unacknowledged, &what.persistent, &what.ready_bytes,
                             &what.unacknowledged_bytes, &what.memory_bytes, &what.consumers})
      *figure = in_.varint();
    flags({&what.flow, &what.minority, &what.down, &what.copied});
    fields(what.details);
    for (uint64_t& count : what.messages.counts.of)
      count = in_.varint();
    for (double& rate : what.messages.rates)
      rate = std::bit_cast<double>(in_.varint());
  }
  void fields(queue_details& what) {
    for (uint64_t* figure : {&what.ready_in_memory, &what.unacknowledged_in_memory, &what.bytes_in_memory,
                             &what.bytes_persistent, &what.disk_reads, &what.disk_writes})
      *figure = in_.varint();
    bool timestamp = false;
    bool capacity = false;
    bool exclusive = false;
    flags({&timestamp, &capacity, &exclusive});
    const uint64_t head = in_.varint();
    const auto share = std::bit_cast<double>(in_.varint());
    if (timestamp)
      what.head_timestamp_s = head;
    if (capacity)
      what.consumer_capacity = share;
    if (exclusive)
      fields(what.exclusive_consumer.emplace());
  }
  void fields(consumer_place& what) {
    what.tag = in_.name();
    what.node = in_.name();
    what.connection = in_.varint();
    what.channel = static_cast<channel_number>(in_.varint(UINT16_MAX));
  }
  void fields(consumer_report& what) {
    what.tag = in_.name();
    what.node = in_.name();
    what.connection = in_.varint();
    what.channel = static_cast<channel_number>(in_.varint(UINT16_MAX));
    flags({&what.ack_required, &what.exclusive, &what.active});
    what.activity_status = in_.name();
    what.prefetch = static_cast<uint16_t>(in_.varint(UINT16_MAX));
    what.priority = static_cast<int32_t>(in_.signed_varint());
    what.unacknowledged = in_.varint();
    what.arguments = in_.table();
  }

  const std::string_view frame_;
  field_reader in_;
  block_ref home_;
  uint8_t type_ = 0;
};

} // namespace

result<std::vector<record>> decode(std::string_view frame) {
  return decoder{frame}.all();
}

} // namespace broker::bridging
