#include "store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>

namespace broker::test {
namespace {

constexpr size_t header_bytes = 32;
const std::string names = std::string("\x00\x05", 2) + "queue";

} // namespace

std::string body_of(queue_id queue, seqno seq, size_t body_bytes) {
  std::string text = std::to_string(queue) + "/" + std::to_string(seq) + ".";
  while (text.size() < body_bytes)
    text += text;
  return text.substr(0, body_bytes);
}

std::string_view body(const message& content) {
  return {content.raw + content.header_size, content.body_size};
}

batch_ref make_batch(queue_id queue, seqno first, uint32_t count, size_t body_bytes) {
  auto batch = make_ref<publish_batch>();
  const size_t raw = header_bytes + body_bytes;
  block_ref block{block::create(names.size() + raw * count)};
  char* at = block->data();
  std::memcpy(at, names.data(), names.size());
  const char* shared_names = at;
  at += names.size();
  for (uint32_t i = 0; i < count; ++i, at += raw) {
    std::memset(at, 'h', header_bytes);
    const std::string text = body_of(queue, first + i, body_bytes);
    std::memcpy(at + header_bytes, text.data(), text.size());
    batch->messages.push_back({shared_names, at, static_cast<uint32_t>(raw), static_cast<uint32_t>(body_bytes),
                               header_bytes, static_cast<uint16_t>(names.size()), message::persistent});
  }
  batch->bytes = raw * count;
  batch->blocks.push_back(std::move(block));
  return batch;
}

store_fixture::store_fixture(uint64_t seed)
  : disk(random_source{seed * 3 + 1}), backlog(random_source{seed * 3 + 2}), random(seed * 3 + 3) {
  options.segment_bytes = 16 * 1024;
  options.spare_segments = 2;
  options.keep_segments = 3;
}

bool store_fixture::open() {
  options.salt_seed = random.next();
  journal_events events{[this](const error& what) { fatals.push_back(what.text); },
                        [this](const store_damage& what) { damages.push_back(what); },
                        [this](const std::string& line) { notes.push_back(line); },
                        [this] { ++rousings; },
                        [this] { ++rousings; },
                        [] {},
                        [] {}};
  auto opened = journal_store::open(disk, backlog, options, std::move(events));
  if (!opened) {
    refusal = opened.error().text;
    return false;
  }
  store_ = std::move(opened->store);
  recovered = std::move(opened->queues);
  return true;
}

void store_fixture::settle_down() {
  for (int i = 0; i < 10'000; ++i) {
    store_->step_writer(i % 2 == 1);
    while (store_->step_reader()) {
    }
    if (!store_->step_helper() && i > 4)
      break;
  }
  note_promises();
}

void store_fixture::crash(sim::crash_style style) {
  note_promises();
  store_.reset();
  clients_.clear();
  disk.crash(style);
  backlog.crash(style == sim::crash_style::keep_all);
  fatals.clear();
}

ref<recording_client> store_fixture::client(queue_id queue) {
  auto& found = clients_[queue];
  if (!found) {
    found = make_ref<recording_client>();
    store_->attach(queue, found);
  }
  return found;
}

// -- operations
// ---------------------------------------------------------------------------------------------------------

void store_fixture::append(queue_id queue, uint32_t count, size_t body_bytes, bool durable) {
  client(queue);
  auto& model = queues_[queue];
  ++operations_;
  message_facts facts;
  if (random.chance(1, 2))
    facts = {1'700'000'000'000 + random.below(3), static_cast<uint8_t>(random.below(3))};
  store_->append(queue, make_batch(queue, model.next, count, body_bytes), {0, count}, model.next, durable, facts);
  for (uint32_t i = 0; i < count; ++i)
    model.messages[model.next++] = {body_bytes, facts, !durable, false, operations_};
}

void store_fixture::settle(queue_id queue, seq_range range) {
  ++operations_;
  store_->settle(queue, {range});
  for (seqno seq = range.first; seq < range.last; ++seq)
    queues_[queue].settled.try_emplace(seq, operations_);
}

void store_fixture::delivered(queue_id queue, seqno upto) {
  store_->delivered(queue, upto);
  queues_[queue].watermarks[++operations_] = upto;
}

void store_fixture::log(queue_id queue, bool begins_anew) {
  const uint64_t number = queues_[queue].log.size() + 1;
  std::string record = "record " + std::to_string(number) + " of " + std::to_string(queue)
                     + std::string(random.chance(1, 20) ? random.below(5'000) : random.below(60), 'x');
  log(queue, begins_anew, std::move(record));
}

void store_fixture::log(queue_id queue, bool begins_anew, std::string record) {
  client(queue);
  auto& model = queues_[queue];
  model.log.push_back({record, begins_anew, model.next, ++operations_});
  store_->log(queue, model.log.size(), std::move(record), begins_anew);
}

void store_fixture::drop(queue_id queue) {
  queues_[queue].dropped = ++operations_;
  store_->drop(queue);
}

void store_fixture::begin_anew(queue_id queue) {
  store_->detach(queue);
  clients_.erase(queue);
  queues_.erase(queue);
}

std::vector<seqno> store_fixture::readable(queue_id queue) const {
  std::vector<seqno> found;
  const auto& model = queues_.at(queue);
  for (const auto& [seq, message] : model.messages)
    if (message.promised && !model.settled.contains(seq))
      found.push_back(seq);
  return found;
}

void store_fixture::note_promises() {
  for (auto& [id, model] : queues_) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
      continue;
    if (found->second->logged > model.log_promised) {
      model.log_promised = found->second->logged;
      durable_operations_ = std::max(durable_operations_, model.log[model.log_promised - 1].issued);
    }
    for (auto& [seq, message] : model.messages) {
      if (message.promised || seq >= (message.transient ? found->second->paged : found->second->durable))
        continue;
      message.promised = true;
      if (!message.transient)
        durable_operations_ = std::max(durable_operations_, message.issued);
    }
  }
}

std::vector<seqno> store_fixture::read_all(queue_id queue) {
  std::vector<seqno> found;
  auto reader = client(queue);
  const auto& model = queues_.at(queue);
  for (seqno from = 1; from < model.next;) {
    const int before = reader->answers;
    store_->read(queue, from, model.next, 1 + random.below(8000));
    for (int i = 0; i < 4 && reader->answers == before && !store_->failed(); ++i) {
      store_->step_reader();
      if (reader->answers == before)
        store_->step_writer(false);
    }
    if (store_->failed() || reader->read.empty())
      break;
    for (const auto& run : reader->read)
      for (uint32_t i = 0; i < run.where.size(); ++i) {
        const seqno seq = run.first + i;
        BOOST_REQUIRE_MESSAGE(seq >= from, "read out of order: " << seq << " after " << from);
        from = seq + 1;
        const auto expected = model.messages.find(seq);
        BOOST_REQUIRE_MESSAGE(expected != model.messages.end(), "read " << seq << ", which was never appended");
        const message& content = run.batch->messages[run.where.lo + i];
        BOOST_REQUIRE(body(content) == body_of(queue, seq, expected->second.body_bytes));
        BOOST_REQUIRE(content.routing_key() == "queue");
        found.push_back(seq);
      }
    reader->read.clear();
  }
  return found;
}

void store_fixture::random_operation() {
  const queue_id queue = next_queue_ + random.below(3);
  auto& model = queues_[queue];
  switch (random.below(18)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return append(queue, static_cast<uint32_t>(1 + random.below(20)), random.below(200), true);
  case 4:
    return append(queue, 1, random.below(9000), true);
  case 5:
    return append(queue, static_cast<uint32_t>(1 + random.below(20)), random.below(200), false);
  case 6:
  case 7:
  case 8:
  case 9: {
    // Mostly in order, as consumers acknowledge; sometimes anywhere.
    const auto alive = readable(queue);
    if (alive.empty())
      return;
    const size_t from = random.chance(1, 4) ? random.below(alive.size()) : 0;
    const size_t count = 1 + random.below(std::min<size_t>(alive.size() - from, 40));
    for (size_t i = from; i < from + count; ++i)
      settle(queue, {alive[i], alive[i] + 1});
    return;
  }
  case 10:
    if (model.next > 1)
      delivered(queue, 1 + random.below(model.next));
    return;
  case 11:
    if (random.chance(1, 6)) {
      drop(next_queue_);
      client(next_queue_);
      store_->detach(next_queue_++);
    }
    return;
  case 12:
    store_->step_helper();
    return;
  case 13:
  case 14:
    return log(queue, model.log.empty() || random.chance(1, 8));
  default:
    store_->step_writer(random.chance(1, 4));
    note_promises();
    while (random.chance(2, 3) && store_->step_helper()) {
    }
  }
}

// -- the promises
// -------------------------------------------------------------------------------------------------------

void store_fixture::check_log(queue_id id, queue_model& model, const recovered_queue* found,
                              const std::set<seqno>& present) {
  const size_t records = found ? found->log.size() : 0;
  BOOST_REQUIRE_MESSAGE(records > 0 || model.log_promised == 0 || model.dropped != 0,
                        "queue " << id << ": the log of its replica is lost");
  if (records == 0) {
    model.log.clear();
    model.log_promised = 0;
    return;
  }
  // Which of those that were written it ends with: their texts differ.
  const auto last = std::find_if(model.log.begin(), model.log.end(),
                                 [&](const logged& each) { return each.record == found->log.back(); });
  BOOST_REQUIRE_MESSAGE(last != model.log.end(), "queue " << id << ": a record that was never logged");
  const auto length = static_cast<size_t>(last - model.log.begin()) + 1;
  BOOST_REQUIRE_MESSAGE(length >= model.log_promised || model.dropped != 0,
                        "queue " << id << ": logged record " << model.log_promised << " is lost");
  auto anew = length - 1;
  while (!model.log[anew].begins_anew)
    --anew;
  BOOST_REQUIRE_EQUAL(records, length - anew);
  for (size_t i = 0; i < records; ++i)
    BOOST_REQUIRE_EQUAL(found->log[i], model.log[anew + i].record);
  for (const auto& [seq, message] : model.messages)
    BOOST_REQUIRE_MESSAGE(seq >= last->next || model.settled.contains(seq) || present.contains(seq)
                            || model.dropped != 0, // and the word of it is lost: not everything need be there any more
                          "queue " << id << ": record " << length << " is there, the earlier append " << seq
                                   << " is not");
  model.log.resize(length);
  model.log_promised = length;
}

void store_fixture::check_queue(queue_id id, queue_model& model, const recovered_queue* found) {
  std::set<seqno> present;
  seqno last = 0;
  const auto durable_mark =
    std::max_element(model.watermarks.begin(), model.watermarks.upper_bound(durable_operations_),
                     [](const auto& a, const auto& b) { return a.second < b.second; });
  const seqno marked = durable_mark == model.watermarks.upper_bound(durable_operations_) ? 0 : durable_mark->second;
  seqno mentioned = 0;
  for (const auto& [operation, upto] : model.watermarks)
    mentioned = std::max(mentioned, upto);
  for (const auto& run : found ? found->runs : std::vector<recovered_run>{}) {
    BOOST_REQUIRE_MESSAGE(run.first > last, "runs rise");
    last = run.first + run.count - 1;
    uint64_t bytes = 0;
    for (seqno seq = run.first; seq <= last; ++seq) {
      const auto expected = model.messages.find(seq);
      BOOST_REQUIRE_MESSAGE(expected != model.messages.end(), "queue " << id << ": " << seq << " was never appended");
      BOOST_REQUIRE_MESSAGE(!expected->second.transient || !found->log.empty(),
                            "queue " << id << ": " << seq << " is transient");
      const auto gone = model.settled.find(seq);
      BOOST_REQUIRE_MESSAGE(gone == model.settled.end() || gone->second > durable_operations_,
                            "queue " << id << ": " << seq << " came back from the dead");
      BOOST_REQUIRE_MESSAGE(run.redelivered ? seq < mentioned : seq >= marked,
                            "queue " << id << ": redelivered of " << seq);
      BOOST_REQUIRE_MESSAGE(expected->second.facts == run.facts, "queue " << id << ": other facts of " << seq);
      bytes += expected->second.body_bytes;
      present.insert(seq);
    }
    BOOST_REQUIRE_EQUAL(bytes, run.body_bytes);
  }
  BOOST_REQUIRE_MESSAGE(present.empty() || (model.dropped == 0 || model.dropped > durable_operations_),
                        "queue " << id << " came back");
  for (const auto& [seq, message] : model.messages) {
    const bool owed = message.promised && !message.transient && !model.settled.contains(seq) && model.dropped == 0;
    BOOST_REQUIRE_MESSAGE(!owed || present.contains(seq),
                          "queue " << id << ": confirmed message " << seq << " is lost");
  }
  BOOST_REQUIRE(!found || present.empty() || found->next > *present.rbegin());
  check_log(id, model, found, present);
  // Go on from here.
  std::erase_if(model.messages, [&](const auto& entry) { return !present.contains(entry.first); });
  for (auto& [seq, message] : model.messages)
    message.promised = true;
  // A settle that was lost is as if it had never been; one that was kept still holds.
  std::erase_if(model.settled, [&](const auto& entry) { return present.contains(entry.first); });
  model.watermarks.clear();
  model.next = found ? found->next : 1;
  if (found)
    for (const auto& run : found->runs)
      if (run.redelivered)
        model.watermarks[0] = std::max(model.watermarks[0], run.first + run.count);
  std::erase_if(model.settled, [&](const auto& entry) { return entry.first >= model.next; });
  if (model.dropped != 0 && !present.empty())
    model.dropped = 0;
}

void store_fixture::check_recovered() {
  for (auto& [id, model] : queues_) {
    const auto found =
      std::find_if(recovered.begin(), recovered.end(), [wanted = id](const auto& each) { return each.id == wanted; });
    check_queue(id, model, found == recovered.end() ? nullptr : &*found);
  }
  for (const auto& each : recovered)
    BOOST_REQUIRE_MESSAGE(queues_.contains(each.id), "queue " << each.id << " never existed");
  for (auto& [id, model] : queues_)
    if (!model.messages.empty())
      BOOST_REQUIRE(read_all(id) == readable(id));
  BOOST_REQUIRE(damages.empty());
}

} // namespace broker::test
