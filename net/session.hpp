// One client connection: a socket around session_core. Reads while what was read is accepted, writes what the channels
// push (architecture.md D3, D13; hotpath.md rules 4-6, 8).
//
// Lives on one loop. Everything runs on that loop's thread except push, torn_down, close and credit, which any thread
// may call. Kept alive by its pending socket waits, its channels and its unaccepted batches.
#pragma once

#include <atomic>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "actors/session_core.hpp"
#include "net/loop.hpp"

namespace broker {

class session;

/// The open sessions of one loop, for ticks and lists. On that loop's thread only.
class session_registry {
public:
  virtual void add(session& who) = 0;
  virtual void remove(session& who) = 0;

protected:
  ~session_registry() = default;
};

class session final : public session_core, private flushable {
public:
  session(session_context& context, loop& home, session_registry& registry, boost::asio::ip::tcp::socket socket,
          peer_info peer);
  ~session() override;

  /// Begins to read. On the loop's thread.
  void start();
  /// Time-outs and heartbeats; the registry calls it a few times a second.
  void tick(uint64_t now_ms);
  /// Ends at once, without a word to the client. On the loop's thread.
  void cut();

  // -- any thread --
  void push(std::vector<outgoing> items) override;
  void torn_down() override;
  void close(error why) override;
  void credit(size_t bytes) noexcept override;
  /// See connection::resource_alarm (O46).
  void resource_alarm(std::string reason);
  /// Ends at once if nobody has logged in yet, without a word (guarantees.md S4). On the loop's thread.
  void refuse_unheard();

private:
  bool may_read();
  void resume_reading();
  void wait_readable();
  void on_readable();
  void discard_input();
  void wait_writable();
  void drain_foreign();
  void output_ready() override;
  void close_when_written(uint32_t after_ms) override;
  void flush() override;
  void write_output();
  void output_written();
  void end();

  template<class Function>
  void on_loop(Function work);

  loop& loop_;
  session_registry& registry_;
  boost::asio::ip::tcp::socket socket_;

  bool reading_ = false;
  bool writing_ = false;
  bool closing_ = false;   ///< no more reading of AMQP; the socket closes once the output is written
  bool lingering_ = false; ///< sent everything and FIN; discards input so that no RST overtakes the last frames
  bool flushing_ = false;
  uint32_t close_after_ms_ = 0;
  uint64_t close_at_ms_ = 0; ///< when `closing_` or `lingering_` ends the session; 0 = not yet known
  ref<session> while_dirty_; ///< keeps the session until its flush
  std::atomic<bool> stopped_reading_{false};

  struct parcel_node {
    std::vector<outgoing> items;
    parcel_node* next;
  };
  std::atomic<parcel_node*> foreign_{nullptr}; ///< pushed from other threads, newest first
};

} // namespace broker
