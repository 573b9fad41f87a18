#include "metadata/metadata_host.hpp"

#include <iterator>
#include <utility>

#include "base/assert.hpp"

namespace broker {

metadata_host::metadata_host(metadata_host_settings settings, metadata_store& store)
  : settings_(std::move(settings)), store_(store), state_(settings_.metadata) {
  applied_.members.voters = {settings_.group.self};
}

result<void> metadata_host::open() {
  BROKER_ASSERT(!group_, "a host is opened once");
  auto stored = store_.load();
  if (!stored)
    return stored.error();
  if (stored->snapshot) {
    if (auto done = state_.restore(stored->snapshot_data); !done)
      return done;
    applied_ = *stored->snapshot;
    snapshot_bytes_ = stored->snapshot_data.size();
  }
  for (const consensus::entry& one : stored->log)
    log_bytes_ += one.data.size();
  group_.emplace(settings_.group, consensus::restart{stored->state, stored->snapshot, std::move(stored->log)});
  const consensus::effects start = group_->start();
  if (auto written = write(start); !written)
    return written;
  const consensus::entry& last = start.append.back();
  return apply(group_->persisted(last.index, last.term), nullptr);
}

void metadata_host::propose(consensus::ticket id, const command& what) {
  BROKER_ASSERT(group_, "open() comes first");
  collect(group_->propose(id, encode_command(what)));
}

void metadata_host::collect(consensus::effects effects) {
  BROKER_ASSERT(!effects.state && !effects.truncate_from && effects.messages.empty() && effects.apply.empty()
                  && effects.send_snapshot.empty() && !effects.store_chunk,
                "a group of one only appends and answers");
  std::move(effects.append.begin(), effects.append.end(), std::back_inserter(pending_.append));
  std::move(effects.done.begin(), effects.done.end(), std::back_inserter(pending_.done));
}

result<void> metadata_host::write(const consensus::effects& effects) {
  for (const consensus::entry& one : effects.append)
    log_bytes_ += one.data.size();
  return store_.write(effects.state, effects.truncate_from, effects.append);
}

result<metadata_flush> metadata_host::flush() {
  BROKER_ASSERT(group_, "open() comes first");
  metadata_flush out;
  const consensus::effects proposed = std::exchange(pending_, {});
  for (const consensus::completion& refused : proposed.done)
    out.done.push_back({refused.id, refused.what, {}});
  if (proposed.append.empty())
    return out;
  if (auto written = write(proposed); !written)
    return written.error();
  const consensus::entry& last = proposed.append.back();
  if (auto applied = apply(group_->persisted(last.index, last.term), &out); !applied)
    return applied.error();
  return out;
}

result<void> metadata_host::apply(const consensus::effects& committed, metadata_flush* out) {
  auto done = committed.done.begin();
  std::vector<metadata_change> changes;
  for (const consensus::entry& one : committed.apply) {
    BROKER_ASSERT(one.index == applied_.index + 1, "entries are applied in order, each once");
    command_result result;
    if (one.type == consensus::entry::kind::command) {
      auto what = decode_command(one.data);
      if (!what)
        return error{0, "metadata log entry " + std::to_string(one.index) + ": " + what.error().text};
      result = state_.apply(*what, changes);
    }
    applied_.index = one.index;
    applied_.term = one.term;
    if (out && done != committed.done.end() && done->index == one.index) {
      out->done.push_back({done->id, done->what, std::move(result)});
      ++done;
    }
  }
  BROKER_ASSERT(!out || done == committed.done.end(), "every proposal is answered where it is applied");
  if (out)
    out->changes = std::move(changes);
  if (group_->applied(applied_.index).take_snapshot)
    snapshot_wanted_ = true;
  return {};
}

// A large state is not written again after every few entries: the log must have grown to a good part of it first.
bool metadata_host::snapshot_due() const noexcept {
  return snapshot_wanted_ && log_bytes_ >= snapshot_bytes_ / 2;
}

result<void> metadata_host::take_snapshot() {
  BROKER_ASSERT(group_, "open() comes first");
  const std::string bytes = state_.serialise();
  if (auto stored = store_.store_snapshot(applied_, bytes); !stored)
    return stored;
  group_->snapshot_stored(applied_);
  snapshot_wanted_ = false;
  snapshot_bytes_ = bytes.size();
  log_bytes_ = 0;
  for (const consensus::entry& one : pending_.append)
    log_bytes_ += one.data.size();
  return {};
}

} // namespace broker
