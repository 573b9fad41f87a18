#include "store_threads.hpp"

#include <algorithm>
#include <chrono>

#include <pthread.h>

namespace broker {

void wake_signal::wake() {
  {
    const std::lock_guard lock(mutex_);
    if (woken_)
      return;
    woken_ = true;
  }
  changed_.notify_one();
}

void wake_signal::nudge() {
  {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
  }
  changed_.notify_one();
}

wake_signal::reason wake_signal::wait(uint32_t milliseconds) {
  std::unique_lock lock(mutex_);
  const auto called = [this] { return woken_ || nudged_; };
  if (milliseconds == 0)
    changed_.wait(lock, called);
  else
    changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), called);
  const bool nudged = std::exchange(nudged_, false);
  if (std::exchange(woken_, false))
    return reason::woken;
  return nudged ? reason::nudged : reason::timeout;
}

result<std::unique_ptr<store_threads>> store_threads::start(file_system& files, backlog_store& backlog,
                                                            journal_options options, handlers told,
                                                            uint32_t flush_interval_ms) {
  std::unique_ptr<store_threads> made(new store_threads(flush_interval_ms));
  auto* threads = made.get();
  journal_events events{std::move(told.fatal),
                        std::move(told.damaged),
                        std::move(told.note),
                        [threads] { threads->writer_signal_.wake(); },
                        [threads] { threads->writer_signal_.nudge(); },
                        [threads] { threads->reader_signal_.wake(); },
                        [threads] { threads->helper_signal_.wake(); }};
  auto opened = journal_store::open(files, backlog, std::move(options), std::move(events));
  if (!opened)
    return opened.error();
  made->store_ = std::move(opened->store);
  made->recovered_ = std::move(opened->queues);
  made->helper_signal_.wake();
  made->threads_.emplace_back([threads] { threads->run_writer(); });
  made->threads_.emplace_back([threads] { threads->run_reader(); });
  made->threads_.emplace_back([threads] { threads->run_helper(); });
  return made;
}

store_threads::~store_threads() {
  stop();
}

void store_threads::stop() {
  if (threads_.empty())
    return;
  stopping_.store(true);
  store_->end_leisure();
  writer_signal_.wake();
  reader_signal_.wake();
  helper_signal_.wake();
  for (auto& each : threads_)
    each.join();
  threads_.clear();
  store_->close();
}

void store_threads::run_writer() {
  ::pthread_setname_np(::pthread_self(), "journal-write");
  auto last = std::chrono::steady_clock::now();
  while (!stopping_.load()) {
    const auto reason = writer_signal_.wait(store_->writer_needs_timer() ? flush_interval_ms_ : 0);
    // Under steady load nothing is ever quiet for an interval: the clock says when the timer's work is due.
    const auto now = std::chrono::steady_clock::now();
    const bool due =
      reason == wake_signal::reason::timeout || now - last >= std::chrono::milliseconds(flush_interval_ms_);
    if (stopping_.load() || reason == wake_signal::reason::nudged)
      continue;
    if (due)
      last = now;
    store_->step_writer(due);
  }
}

void store_threads::run_reader() {
  ::pthread_setname_np(::pthread_self(), "journal-read");
  while (!stopping_.load()) {
    reader_signal_.wait(0);
    while (!stopping_.load() && store_->step_reader()) {
    }
  }
}

void store_threads::run_helper() {
  ::pthread_setname_np(::pthread_self(), "journal-helper");
  while (!stopping_.load()) {
    helper_signal_.wait(0);
    while (!stopping_.load() && store_->step_helper()) {
    }
  }
}

recovered_queues split_orphans(std::vector<recovered_queue> all, const std::vector<queue_id>& known) {
  recovered_queues split;
  for (auto& queue : all)
    (std::binary_search(known.begin(), known.end(), queue.id) ? split.known : split.orphans)
      .push_back(std::move(queue));
  return split;
}

} // namespace broker
