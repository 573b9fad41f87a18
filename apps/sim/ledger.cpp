#include "ledger.hpp"

#include "base/bytes.hpp"

namespace broker::sim {

namespace {

constexpr size_t violations_max = 100; // one is enough to fail; the rest is for the reader

char filler(message_id id, size_t at) {
  return static_cast<char>((id * 0x9e3779b97f4a7c15u >> 56) + at * 31);
}

std::string text(message_id id) {
  return "message " + std::to_string(id >> 32) + ":" + std::to_string(id & 0xffffffffu);
}

} // namespace

std::string make_body(message_id id, size_t size) {
  std::string body(size < 8 ? 8 : size, '\0');
  store_u64(body.data(), id);
  for (size_t at = 8; at < body.size(); ++at)
    body[at] = filler(id, at);
  return body;
}

message_id read_body(std::string_view body, std::string& problem) {
  if (body.size() < 8) {
    problem = "a delivered body of " + std::to_string(body.size()) + " bytes";
    return 0;
  }
  const auto id = load_u64(body.data());
  for (size_t at = 8; at < body.size(); ++at)
    if (body[at] != filler(id, at)) {
      problem = "C2: body of " + text(id) + " differs at byte " + std::to_string(at);
      break;
    }
  return id;
}

void ledger::violation(std::string what) {
  if (violations_.size() < violations_max)
    violations_.push_back(std::move(what));
}

ledger::record* ledger::find(message_id id, const char* doing) {
  auto found = messages_.find(id);
  if (found != messages_.end())
    return &found->second;
  violation(std::string{"C2: "} + doing + " " + text(id) + ", which was never published");
  return nullptr;
}

void ledger::published(message_id id, const publish& what) {
  messages_[id].what = what;
  if (what.confirm_mode)
    ++outstanding_;
}

void ledger::confirmed(message_id id) {
  auto* found = find(id, "confirm of");
  if (!found)
    return;
  if (found->confirmed || found->nacked)
    violation("C8: " + text(id) + " confirmed twice");
  if (found->what.queue == queue_none && !found->returned)
    violation("C8: unroutable mandatory " + text(id) + " confirmed before it was returned");
  found->confirmed = true;
  ++confirmed_;
  --outstanding_;
}

void ledger::nacked(message_id id) {
  auto* found = find(id, "nack of");
  if (!found)
    return;
  if (found->confirmed || found->nacked)
    violation("C8: " + text(id) + " nacked after an answer");
  found->nacked = true;
  --outstanding_;
}

void ledger::returned(message_id id) {
  auto* found = find(id, "return of");
  if (!found)
    return;
  if (found->what.queue != queue_none)
    violation("C2: routable " + text(id) + " returned");
  if (found->returned)
    violation("C8: " + text(id) + " returned twice");
  found->returned = true;
}

void ledger::withdrawn(message_id id) {
  if (auto* found = find(id, "rollback of"))
    found->withdrawn = true;
}

void ledger::abandoned(message_id id) {
  auto* found = find(id, "loss of the publisher of");
  if (!found || found->confirmed || found->nacked)
    return;
  found->abandoned = true;
  if (found->what.confirm_mode)
    --outstanding_;
}

void ledger::committed(message_id id) {
  if (auto* found = find(id, "commit of"))
    found->confirmed = true;
}

uint64_t ledger::new_consumer(uint32_t queue) {
  consumers_[next_consumer_].queue = queue;
  return next_consumer_++;
}

void ledger::delivered(uint64_t who, message_id id, bool redelivered) {
  auto* found = find(id, "delivery of");
  if (!found)
    return;
  ++delivered_;
  if (found->delivered)
    ++duplicates_;
  auto& seen_by = consumers_[who];
  if (found->withdrawn)
    violation("C2: rolled back " + text(id) + " delivered");
  if (found->what.queue != seen_by.queue)
    violation("C2: " + text(id) + " delivered from queue " + std::to_string(seen_by.queue) + ", published to "
              + std::to_string(found->what.queue));
  if (!redelivered) {
    auto& newest = seen_by.newest[static_cast<uint32_t>(id >> 32)];
    if (newest >= id)
      violation("C3: " + text(id) + " delivered after " + text(newest) + " by one consumer");
    newest = id;
  }
  found->delivered = true;
}

void ledger::settled(message_id id) {
  if (auto* found = find(id, "settling of"))
    found->settled = true;
}

void ledger::node_crashed() {
  for (auto& [id, found] : messages_)
    if (!found.what.survives_crash)
      found.may_be_lost = true;
}

void ledger::finish() {
  for (const auto& [id, found] : messages_) {
    const auto& what = found.what;
    if (what.confirm_mode && !found.confirmed && !found.nacked && !found.abandoned)
      violation("C12: " + text(id) + " was never confirmed");
    if (what.queue == queue_none) {
      if (found.confirmed && !found.returned)
        violation("C8: unroutable mandatory " + text(id) + " was confirmed and never returned");
      continue;
    }
    const bool promised = found.confirmed && !found.may_be_lost && !what.at_most_once;
    if (promised && !found.settled)
      violation("C1: confirmed " + text(id) + " in queue " + std::to_string(what.queue)
                + (found.delivered ? " was delivered, not settled, and is gone" : " was never delivered"));
  }
}

} // namespace broker::sim
