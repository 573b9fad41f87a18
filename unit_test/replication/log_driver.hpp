// Writes a replica's log through log_storage as a replica would, at random, with a model beside it; after a crash it
// compares what recovery makes of what is left. The store is the test's: a fake one, or the real journal on a simulated
// disk.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "replication/log_recovery.hpp"
#include "replication/log_storage.hpp"
#include "replication/log_tap.hpp"

namespace log_model {

class log_driver {
public:
  log_driver(uint64_t seed, log_plant planted);

  /// A life begins: `found` is what the store found, null the first time. Checks it.
  void start(broker::message_store& store, const broker::recovered_queue* found);
  void random_operation();
  /// From the store's client.
  void logged(uint64_t upto);
  void read(std::vector<broker::stored_run> runs, std::vector<broker::message_facts> facts);
  /// Orders a read of everything live, then of entries; call `more_to_read` until false, the store answering meanwhile.
  void begin_reading();
  bool more_to_read();

  static constexpr broker::queue_id queue = 7;
  std::string broken; ///< the first thing that is not as promised
  bool waits = false; ///< for the answer to a read
  /// Sometimes-reached markers.
  size_t cuts = 0, cuts_inside = 0, copies = 0, checkpoints = 0, raised = 0, lost_settles = 0, orphans = 0;
  size_t entries_read = 0, copies_found = 0, commits_known = 0, redelivered = 0, lives = 0;

private:
  struct item {
    uint64_t id = 0;
    broker::message_facts facts;
    bool gone = false; ///< forgotten in this life
  };
  struct state {
    broker::replication::replica_log log;
    std::map<broker::seqno, item> content; ///< messages, forgotten ones included
    broker::seqno commit = 0;
  };

  void fail(const std::string& why);
  void perform();
  broker::replication::log_run publishes(uint64_t count);
  void publish();
  void settle();
  void forget_channel();
  void commit();
  void cut_off();
  void empty_out();
  void begin_copy();
  void copy_more();
  void extend(broker::replication::log_run run);

  /// How many of the records that were written were found; nothing: not so many of them.
  std::optional<size_t> count_records(const broker::recovered_queue& found) const;
  void compare(const state& expected, const broker::replication::replica_log& found);
  void compare_live(state& expected, const broker::replication::recovered_log& found);
  bool ends(const broker::replication::replica_log& log, broker::seqno seq) const;
  void take(const broker::replication::read_answer& answer);
  void take_live(const broker::replication::read_answer& answer);
  void take_entries(const broker::replication::read_answer& answer);

  broker::random_source random_;
  log_plant planted_;
  tapped_store tap_;
  std::optional<broker::replication::log_storage> storage_;
  broker::replication::replica_log::writes writes_;
  state now_;
  std::deque<state> history_;    ///< after each record of the tap
  size_t written_ = 0;           ///< so many records have been reported
  size_t life_began_ = 0;        ///< with so many records
  std::set<uint64_t> forgotten_; ///< messages by id, ever
  uint64_t ids_ = 0;
  broker::epoch mastership_ = 1;
  broker::replication::incarnation inc_ = 0;
  /// What was committed, by the incarnation in which the log was emptied before: nobody cuts that off, though a restart
  /// forgets it.
  std::map<broker::replication::incarnation, broker::seqno> committed_;
  std::map<broker::replication::incarnation, broker::seqno> delivered_; ///< up to, likewise
  std::map<broker::seqno, item> to_copy_;
  bool reading_live_ = false;
  broker::seqno reading_ = 0;          ///< from here on; 0: nothing
  std::map<broker::seqno, item> left_; ///< live ones that were not read yet
};

} // namespace log_model
