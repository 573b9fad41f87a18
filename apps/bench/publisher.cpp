#include "publisher.hpp"

#include <algorithm>

namespace broker::bench {

publisher::publisher(event_loop& loop, client_socket socket, message_slab slab, std::vector<uint32_t> streams,
                     const publisher_settings& settings)
  : loop_(loop), socket_(std::move(socket)), slab_(std::move(slab)), streams_(std::move(streams)), settings_(settings) {
  if (settings_.confirm_window != 0)
    confirms_.emplace(settings_.confirm_window);
  loop_.watch(socket_.fd(), *this, false);
}

uint64_t publisher::allowance(time_ns now) const {
  uint64_t count = std::min<uint64_t>(settings_.messages - published_, slab_.slots() - next_slot_);
  if (confirms_)
    count = std::min(count, confirms_->room());
  if (settings_.rate > 0) {
    const double due = static_cast<double>(now - start_) * settings_.rate / static_cast<double>(ns_per_second);
    const uint64_t due_by_now = static_cast<uint64_t>(due) + 1;
    count = std::min(count, due_by_now > published_ ? due_by_now - published_ : 0);
  }
  return count;
}

bool publisher::pump(time_ns now) {
  if (!unwritten_.empty())
    return false; // on_writable continues
  const uint64_t count = allowance(now);
  if (count == 0)
    return false;
  fill(count, now);
  write(now);
  return unwritten_.empty() && allowance(now) != 0;
}

void publisher::fill(uint64_t count, time_ns now) {
  if (published_ == 0)
    first_publish_ = now;
  const size_t first = next_slot_;
  for (uint64_t i = 0; i < count; ++i) {
    const time_ns at = settings_.rate > 0 ? intended(published_ + i) : now;
    slab_.put(next_slot_++, stamp::make(streams_[next_stream_], round_, at));
    if (confirms_)
      confirms_->sent(at);
    if (++next_stream_ == streams_.size()) {
      next_stream_ = 0;
      ++round_;
    }
  }
  published_ += count;
  unwritten_ = slab_.range(first, next_slot_);
  if (next_slot_ == slab_.slots())
    next_slot_ = 0;
}

void publisher::write(time_ns now) {
  while (!unwritten_.empty()) {
    const size_t written = socket_.write_direct(unwritten_.data(), unwritten_.size());
    if (written == 0)
      break;
    unwritten_.remove_prefix(written);
    last_publish_ = now;
  }
  if (watching_writable_ == unwritten_.empty()) {
    watching_writable_ = !unwritten_.empty();
    loop_.watch(socket_.fd(), *this, watching_writable_);
  }
}

time_ns publisher::next_due() const {
  const bool by_time = settings_.rate > 0 && unwritten_.empty() && published_ != settings_.messages
                    && (!confirms_ || confirms_->room() != 0);
  return by_time ? intended(published_) : UINT64_MAX;
}

void publisher::on_writable(time_ns now) {
  write(now);
}

void publisher::on_readable(time_ns now) {
  if (socket_.receive() == 0)
    return;
  wire::frame in;
  while (const size_t size = wire::take_frame(socket_.received(), in)) {
    if (in.type == wire::frame_method) {
      wire::throw_if_close(in);
      wire::reader arguments{in.payload};
      const wire::method id = arguments.id();
      if (id == wire::method::basic_ack || id == wire::method::basic_nack)
        on_answer(arguments, id == wire::method::basic_ack, now);
    }
    socket_.consume(size);
  }
}

void publisher::on_answer(wire::reader arguments, bool accepted, time_ns now) {
  if (!confirms_)
    throw failure{"the broker confirmed on a channel that is not in confirm mode"};
  const uint64_t tag = arguments.u64();
  const bool multiple = (arguments.u8() & 1) != 0;
  confirms_->settle(tag, multiple, [&](time_ns sent_at) {
    ++(accepted ? confirmed_ : refused_);
    confirm_latency_.record(now - sent_at);
  });
  last_confirm_ = now;
}

} // namespace broker::bench
