#include "plants.hpp"

#include <algorithm>
#include <map>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"

namespace broker::sim {

namespace {

const std::vector<std::string> planted_mistakes = {
  "skip-fsync",
  "swallow-write-error",
  "ack-before-fsync",
  "settle-one-too-many",
  "unacked-lost-on-channel-close",
  "leak-credit",
  "double-confirm",
  "lose-confirm",
  "forget-mandatory-return",
  "fifo-broken-by-batch-split",
  "dead-letter-settled-early",
  "expired-not-dead-lettered",
  "dead-letter-sent-twice",
  "death-not-recorded",
  "drop-newest",
  "limit-ignored",
  "priority-ignored",
  "priority-forgotten-after-restart",
  "ttl-ignored",
  "ttl-restarts-after-recovery",
  "delay-forgotten-after-restart",
  "delayed-lost-after-restart",
  "single-active-ignored",
  "delivery-limit-ignored",
  "at-least-once-gives-up",
};

const std::vector<std::string> cluster_names = {
  "skip-metadata-fsync",
  "answer-before-commit",
  "proposal-applied-twice",
  "entry-skipped-by-follower",
  "second-master",
  "publish-taken-twice",
  "frame-repeated-after-reconnect",
  "session-outlives-restart",
  "twin-outlives-its-channel",
  "forgotten-node-not-told",
};

// -- disks that lie
// -----------------------------------------------------------------------------------------------------

class lying_file final : public file {
public:
  lying_file(std::unique_ptr<file> inner, bool skip_sync, bool swallow)
    : inner_(std::move(inner)), skip_sync_(skip_sync), swallow_(swallow) {}

  result<void> write(uint64_t offset, std::span<const std::string_view> parts) override {
    return told(inner_->write(offset, parts));
  }
  result<void> sync() override { return skip_sync_ ? result<void>{} : told(inner_->sync()); }
  result<size_t> read(uint64_t offset, std::span<char> into) const override { return inner_->read(offset, into); }
  result<uint64_t> size() const override { return inner_->size(); }
  result<void> preallocate(uint64_t size, const std::function<void()>& pause) override {
    return inner_->preallocate(size, pause);
  }
  result<void> truncate(uint64_t size) override { return inner_->truncate(size); }

private:
  result<void> told(result<void> truth) const { return swallow_ ? result<void>{} : truth; }

  std::unique_ptr<file> inner_;
  const bool skip_sync_;
  const bool swallow_;
};

class lying_disk final : public file_system {
public:
  lying_disk(file_system& inner, bool skip_sync, bool swallow)
    : inner_(inner), skip_sync_(skip_sync), swallow_(swallow) {}

  result<std::unique_ptr<file>> open(std::string_view path, bool create) override {
    auto opened = inner_.open(path, create);
    if (!opened)
      return opened;
    return std::unique_ptr<file>{new lying_file{std::move(*opened), skip_sync_, swallow_}};
  }
  result<void> remove(std::string_view path) override { return inner_.remove(path); }
  result<void> rename(std::string_view from, std::string_view to) override { return inner_.rename(from, to); }
  result<void> make_directory(std::string_view path) override { return inner_.make_directory(path); }
  result<void> sync_directory(std::string_view path) override { return inner_.sync_directory(path); }
  result<std::vector<std::string>> list(std::string_view path) override { return inner_.list(path); }
  result<uint64_t> free_bytes() override { return inner_.free_bytes(); }

private:
  file_system& inner_;
  const bool skip_sync_;
  const bool swallow_;
};

// -- a store that errs
// --------------------------------------------------------------------------------------------------

class erring_store final : public message_store {
public:
  erring_store(message_store& inner, bool ack_early, bool settle_more)
    : inner_(inner), ack_early_(ack_early), settle_more_(settle_more) {}

  void attach(queue_id queue, ref<store_client> who) override {
    clients_[queue] = who;
    inner_.attach(queue, std::move(who));
  }
  void detach(queue_id queue) override {
    clients_.erase(queue);
    inner_.detach(queue);
  }
  void append(queue_id queue, const batch_ref& batch, slice where, seqno first, bool durable,
              message_facts facts) override {
    inner_.append(queue, batch, where, first, durable, facts);
    if (durable && ack_early_)
      clients_[queue]->on_durable(first + where.size());
  }
  void settle(queue_id queue, std::vector<seq_range> seqs) override {
    if (settle_more_ && !seqs.empty())
      ++seqs.back().last;
    inner_.settle(queue, std::move(seqs));
  }
  void delivered(queue_id queue, seqno upto) override { inner_.delivered(queue, upto); }
  void read(queue_id queue, seqno from, seqno before, size_t max_bytes) override {
    inner_.read(queue, from, before, max_bytes);
  }
  void log(queue_id queue, uint64_t number, std::string record, bool begins_anew) override {
    inner_.log(queue, number, std::move(record), begins_anew);
  }
  void drop(queue_id queue) override { inner_.drop(queue); }
  bool congested() const override { return inner_.congested(); }

private:
  message_store& inner_;
  const bool ack_early_;
  const bool settle_more_;
  std::map<queue_id, ref<store_client>> clients_;
};

bool starts_with_method(const outgoing& item, uint32_t code) {
  return item.bytes.size() >= amqp::frame_prefix_bytes + amqp::method_id_bytes
      && load_u32(item.bytes.data() + amqp::frame_prefix_bytes) == code;
}

/// Turns every basic.nack of `frames` into a basic.ack: both hold a delivery tag and, in bit 0, `multiple`.
void acks_from_nacks(std::string& frames) {
  for (size_t at = 0; at + amqp::frame_overhead_bytes <= frames.size();) {
    const auto prefix = amqp::load_frame_prefix(frames.data() + at);
    char* method = frames.data() + at + amqp::frame_prefix_bytes;
    if (prefix.type == amqp::frame_method && load_u32(method) == amqp::basic_class::nack::code)
      store_u32(method, amqp::basic_class::ack::code);
    at += prefix.frame_size();
  }
}

} // namespace

std::vector<std::string> plant_names() {
  return planted_mistakes;
}

std::vector<std::string> cluster_plant_names() {
  return cluster_names;
}

bool is_plant(std::string_view name) {
  return std::find(planted_mistakes.begin(), planted_mistakes.end(), name) != planted_mistakes.end()
      || std::find(cluster_names.begin(), cluster_names.end(), name) != cluster_names.end();
}

file_system& plant::spoil_metadata(file_system& disk) {
  if (!is("skip-metadata-fsync"))
    return disk;
  metadata_disk_ = std::make_unique<lying_disk>(disk, true, false);
  return *metadata_disk_;
}

file_system& plant::spoil(file_system& disk) {
  if (!is("skip-fsync") && !is("swallow-write-error"))
    return disk;
  disk_ = std::make_unique<lying_disk>(disk, is("skip-fsync"), is("swallow-write-error"));
  return *disk_;
}

message_store& plant::spoil(message_store& store) {
  if (!is("ack-before-fsync") && !is("settle-one-too-many"))
    return store;
  store_ = std::make_unique<erring_store>(store, is("ack-before-fsync"), is("settle-one-too-many"));
  return *store_;
}

void plant::spoil(std::vector<outgoing>& items) {
  const auto is_confirm = [](const outgoing& item) {
    return item.what == outgoing::kind::bytes && starts_with_method(item, amqp::basic_class::ack::code);
  };
  if (is("lose-confirm"))
    std::erase_if(items, [&](const outgoing& item) { return is_confirm(item) && random_.chance(1, rarely); });
  if (is("forget-mandatory-return"))
    std::erase_if(items, [](const outgoing& item) {
      return item.what == outgoing::kind::content && starts_with_method(item, amqp::basic_class::return_::code);
    });
  if (is("drop-newest"))
    for (auto& item : items)
      if (item.what == outgoing::kind::bytes)
        acks_from_nacks(item.bytes);
  if (is("double-confirm"))
    for (auto& item : items)
      if (is_confirm(item) && random_.chance(1, rarely))
        item.bytes += item.bytes;
  if (is("fifo-broken-by-batch-split"))
    for (auto& item : items)
      if (item.what == outgoing::kind::deliver && item.run.where.size() >= 2) {
        auto later = item; // the second half overtakes the first
        const auto half = item.run.where.size() / 2;
        item.run.where.lo += half;
        item.first_tag += half;
        later.run.where.hi = later.run.where.lo + half;
        later.flow_bytes = 0;
        items.push_back(std::move(later));
        break;
      }
}

} // namespace broker::sim
