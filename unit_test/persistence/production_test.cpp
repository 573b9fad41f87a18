// The same store on real files, LevelDB and threads.
#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include <sys/stat.h>

#include "leveldb_backlog.hpp"
#include "posix_files.hpp"
#include "store_fixture.hpp"
#include "store_threads.hpp"

using namespace broker;

BOOST_AUTO_TEST_SUITE(production)

namespace {

struct temporary_directory {
  temporary_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "warren-store-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  std::string path;
};

class waiting_client final : public store_client {
public:
  void on_durable(seqno upto) override {
    const std::lock_guard lock(mutex_);
    durable_ = upto;
    changed_.notify_all();
  }
  void on_paged(seqno) override {}
  void on_logged(uint64_t) override {}
  void on_read(std::vector<stored_run> runs) override {
    const std::lock_guard lock(mutex_);
    runs_ = std::move(runs);
    ++answers_;
    changed_.notify_all();
  }
  bool wait_durable(seqno upto) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return durable_ >= upto; });
  }
  std::vector<stored_run> wait_read() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return answers_ > 0; });
    answers_ = 0;
    return std::move(runs_);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  seqno durable_ = 0;
  int answers_ = 0;
  std::vector<stored_run> runs_;
};

struct node {
  explicit node(const std::string& directory)
    : files(std::move(*posix_files::open(directory))),
      backlog(std::move(*leveldb_backlog::open(directory + "/backlog"))) {
    journal_options options;
    options.segment_bytes = 1024 * 1024;
    auto started =
      store_threads::start(*files, *backlog, options,
                           {[](const error& what) { BOOST_FAIL(what.text); },
                            [](const store_damage& what) { BOOST_FAIL(what.text); }, [](const std::string&) {}});
    BOOST_REQUIRE(started.ok());
    threads = std::move(*started);
  }
  message_store& store() { return threads->store(); }

  std::unique_ptr<posix_files> files;
  std::unique_ptr<leveldb_backlog> backlog;
  std::unique_ptr<store_threads> threads;
};

} // namespace

BOOST_AUTO_TEST_CASE(confirmed_messages_are_there_after_a_restart_and_settled_ones_are_not) {
  temporary_directory directory;
  {
    node first(directory.path);
    auto client = make_ref<waiting_client>();
    first.store().attach(7, client);
    for (seqno seq = 1; seq <= 20'000; seq += 100) {
      first.store().append(7, test::make_batch(7, seq, 100, 200), {0, 100}, seq, true, {});
      if (seq % 1000 == 1)
        BOOST_REQUIRE(client->wait_durable(seq + 100));
      // Every tenth stays: sparse segments go to LevelDB.
      std::vector<seq_range> acked;
      for (seqno each = seq; each < seq + 100; each += 10)
        acked.push_back({each, each + 9});
      first.store().settle(7, acked);
    }
    BOOST_REQUIRE(client->wait_durable(20'001));
    first.threads->stop();
    BOOST_TEST(first.threads->store().segments() < 8u);
  }
  node second(directory.path);
  const auto recovered = second.threads->take_recovered();
  BOOST_REQUIRE(recovered.size() == 1u);
  BOOST_TEST(recovered[0].next == 20'001u);
  uint64_t count = 0;
  uint64_t bytes = 0;
  for (const auto& run : recovered[0].runs) {
    count += run.count;
    bytes += run.body_bytes;
  }
  BOOST_TEST(count == 2000u);
  BOOST_TEST(bytes == 2000u * 200);
  auto client = make_ref<waiting_client>();
  second.store().attach(7, client);
  seqno expected = 10;
  while (expected <= 20'000) {
    second.store().read(7, expected, 20'001, 64 * 1024);
    const auto runs = client->wait_read();
    BOOST_REQUIRE(!runs.empty());
    for (const auto& run : runs)
      for (uint32_t i = 0; i < run.where.size(); ++i, expected += 10) {
        BOOST_REQUIRE_EQUAL(run.first + i, expected);
        BOOST_REQUIRE(test::body(run.batch->messages[run.where.lo + i]) == test::body_of(7, expected, 200));
      }
  }
}

BOOST_AUTO_TEST_CASE(queues_the_metadata_does_not_know_are_reported_not_removed) {
  temporary_directory directory;
  {
    node first(directory.path);
    for (const queue_id queue : {3, 5}) {
      auto client = make_ref<waiting_client>();
      first.store().attach(queue, client);
      first.store().append(queue, test::make_batch(queue, 1, 2, 10), {0, 2}, 1, true, {});
      BOOST_REQUIRE(client->wait_durable(3));
    }
  }
  for (int start = 0; start < 2; ++start) {
    node next(directory.path);
    const auto split = split_orphans(next.threads->take_recovered(), {1, 5});
    BOOST_REQUIRE(split.known.size() == 1u);
    BOOST_TEST(split.known[0].id == 5u);
    BOOST_REQUIRE(split.orphans.size() == 1u);
    BOOST_TEST(split.orphans[0].id == 3u);
  }
}

BOOST_AUTO_TEST_CASE(files_and_directories_are_the_owners_alone) {
  temporary_directory directory;
  node only(directory.path + "/data");
  auto client = make_ref<waiting_client>();
  only.store().attach(1, client);
  only.store().append(1, test::make_batch(1, 1, 2, 10), {0, 2}, 1, true, {});
  BOOST_REQUIRE(client->wait_durable(3));
  for (const auto& each : {std::string("/data"), std::string("/data/journal"), std::string("/data/backlog")}) {
    struct stat status;
    BOOST_REQUIRE(::stat((directory.path + each).c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777) == 0700u);
  }
}

BOOST_AUTO_TEST_CASE(posix_files_write_gathered_parts_and_name_what_failed) {
  temporary_directory directory;
  auto files = std::move(*posix_files::open(directory.path));
  BOOST_REQUIRE(files->make_directory("d"));
  auto opened = files->open("d/x", true);
  BOOST_REQUIRE(opened.ok());
  file& written = **opened;
  std::vector<std::string_view> parts(3000, "abc");
  parts[7] = {};
  BOOST_REQUIRE(written.write(5, parts));
  BOOST_REQUIRE(written.sync());
  BOOST_TEST(*written.size() == 5u + 3 * 2999);
  char bytes[16];
  BOOST_TEST(*written.read(5 + 3 * 2999 - 4, bytes) == 4u);
  BOOST_TEST(std::string_view(bytes, 4) == "cabc");
  BOOST_REQUIRE(written.preallocate(100'000));
  BOOST_TEST(*written.size() == 100'000u);
  BOOST_TEST(*written.read(5, {bytes, 3}) == 3u);
  BOOST_TEST(std::string_view(bytes, 3) == "abc");
  BOOST_REQUIRE(written.truncate(10));
  BOOST_TEST(*written.size() == 10u);
  BOOST_REQUIRE(files->rename("d/x", "d/y"));
  BOOST_REQUIRE(files->sync_directory("d"));
  BOOST_TEST((*files->list("d") == std::vector<std::string>{"y"}));
  BOOST_TEST(files->list("nowhere")->empty());
  BOOST_REQUIRE(files->remove("d/y"));
  BOOST_TEST(files->remove("d/y").error().text == "d/y: remove: No such file or directory");
  BOOST_TEST(*files->free_bytes() > 0u);
}

BOOST_AUTO_TEST_CASE(leveldb_agrees_with_a_map_over_random_operations) {
  temporary_directory directory;
  random_source random{11};
  std::map<std::pair<queue_id, seqno>, std::string> model;
  for (int life = 0; life < 5; ++life) {
    auto backlog = std::move(*leveldb_backlog::open(directory.path + "/b"));
    for (int i = 0; i < 400; ++i) {
      const queue_id queue = 1 + random.below(3);
      const seqno seq = random.below(500);
      if (random.chance(2, 3)) {
        std::vector<backlog_store::entry> entries;
        for (seqno each = seq; each < seq + 5; ++each) {
          entries.push_back({queue, each, std::string(random.below(300), 'v')});
          model[{queue, each}] = entries.back().value;
        }
        BOOST_REQUIRE(backlog->put(entries, random.chance(1, 10)));
      } else if (random.chance(1, 50)) {
        BOOST_REQUIRE(backlog->erase_queue(queue));
        model.erase(model.lower_bound({queue, 0}), model.lower_bound({queue + 1, 0}));
      } else {
        const seq_range gone{seq, seq + random.below(20)};
        BOOST_REQUIRE(backlog->erase(queue, {&gone, 1}));
        model.erase(model.lower_bound({queue, gone.first}), model.lower_bound({queue, gone.last}));
      }
    }
    std::map<std::pair<queue_id, seqno>, std::string> found;
    BOOST_REQUIRE(backlog->scan([&](queue_id queue, seqno seq, std::string_view value) {
      found[{queue, seq}] = value;
      return true;
    }));
    BOOST_REQUIRE(found == model);
    BOOST_REQUIRE(backlog->sync());
  }
}

BOOST_AUTO_TEST_CASE(damage_in_leveldb_is_an_error_not_an_absence) {
  temporary_directory directory;
  {
    auto backlog = std::move(*leveldb_backlog::open(directory.path + "/b"));
    std::vector<backlog_store::entry> entries;
    for (seqno seq = 1; seq <= 1000; ++seq)
      entries.push_back({1, seq, std::string(100, 'v')});
    BOOST_REQUIRE(backlog->put(entries, true));
  }
  for (const auto& each : std::filesystem::directory_iterator(directory.path + "/b")) {
    if (each.path().extension() != ".log" && each.path().extension() != ".ldb")
      continue;
    auto files = std::move(*posix_files::open(directory.path + "/b"));
    auto opened = files->open(each.path().filename().string(), false);
    BOOST_REQUIRE(opened.ok());
    const std::string_view garbage = "garbage!";
    BOOST_REQUIRE((*opened)->write(*(*opened)->size() / 2, {&garbage, 1}));
  }
  auto reopened = leveldb_backlog::open(directory.path + "/b");
  if (!reopened) {
    BOOST_TEST(reopened.error().text.find("orruption") != std::string::npos);
    return;
  }
  BOOST_TEST(!(*reopened)->scan([](queue_id, seqno, std::string_view) { return true; }).ok());
}

BOOST_AUTO_TEST_SUITE_END()
