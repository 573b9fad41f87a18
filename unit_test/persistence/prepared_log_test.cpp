// LevelDB's log in files prepared ahead: after any kill or power failure the reader finds what was synced, and damage
// is still damage.
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <memory>

#include <leveldb/db.h>
#include <unistd.h>

#include "prepared_log.hpp"

namespace prepared_logs {
namespace {

namespace fs = std::filesystem;
using namespace broker;

std::string value_of(int number, size_t bytes = 300) {
  return std::to_string(number) + std::string(bytes, static_cast<char>('a' + number % 26));
}

struct database {
  database() {
    std::string name = (fs::temp_directory_path() / "prepared_log_test.XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    BOOST_REQUIRE(open(folder / "db"));
  }
  ~database() {
    db.reset();
    fs::remove_all(folder);
  }

  bool open(const fs::path& where) {
    db.reset();
    leveldb::Options options;
    options.env = env.get();
    options.create_if_missing = true;
    options.paranoid_checks = true;
    options.compression = leveldb::kNoCompression;
    leveldb::DB* opened = nullptr;
    const auto status = leveldb::DB::Open(options, where.string(), &opened);
    db.reset(opened);
    return status.ok();
  }
  void put(int number, size_t bytes = 300) {
    leveldb::WriteOptions synced;
    synced.sync = true;
    BOOST_REQUIRE(db->Put(synced, "key" + std::to_string(number), value_of(number, bytes)).ok());
  }
  bool has(int number, size_t bytes = 300) {
    std::string value;
    return db->Get({}, "key" + std::to_string(number), &value).ok() && value == value_of(number, bytes);
  }
  /// As the disk is now: what a kill leaves.
  fs::path copy(const std::string& name) {
    fs::remove_all(folder / name);
    fs::copy(folder / "db", folder / name, fs::copy_options::recursive);
    return folder / name;
  }
  static fs::path log_in(const fs::path& where) {
    for (const auto& one : fs::directory_iterator(where))
      if (one.path().extension() == ".log")
        return one.path();
    return {};
  }

  const std::unique_ptr<leveldb::Env> env = make_prepared_log_env();
  fs::path folder;
  std::unique_ptr<leveldb::DB> db;
};

std::string content_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_to(const fs::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

size_t written(const std::string& file) {
  return file.find_last_not_of('\0') + 1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(a_prepared_log)

BOOST_AUTO_TEST_CASE(is_longer_than_what_is_written_until_it_is_closed) {
  database d;
  d.put(1);
  const auto log = database::log_in(d.folder / "db");
  BOOST_TEST(fs::file_size(log) == prepared_log_step_bytes);
  const size_t used = written(content_of(log));
  d.db.reset();
  BOOST_TEST(fs::file_size(log) - used < 8u);
  BOOST_REQUIRE(d.open(d.folder / "db"));
  BOOST_TEST(d.has(1));
}

BOOST_AUTO_TEST_CASE(is_found_whole_after_a_kill) {
  database d;
  for (int number = 0; number < 400; ++number) // over several blocks
    d.put(number);
  d.put(400, 3 * prepared_log_step_bytes / 2); // over several preparations
  const auto killed = d.copy("killed");
  BOOST_REQUIRE(d.open(killed));
  for (int number = 0; number < 400; ++number)
    BOOST_TEST_REQUIRE(d.has(number));
  BOOST_TEST(d.has(400, 3 * prepared_log_step_bytes / 2));
}

BOOST_AUTO_TEST_CASE(keeps_values_that_end_with_zeroes) {
  database d;
  leveldb::WriteOptions synced;
  synced.sync = true;
  BOOST_REQUIRE(d.db->Put(synced, "zeroes", std::string(2'000, '\0')).ok());
  BOOST_REQUIRE(d.open(d.copy("killed")));
  std::string value;
  BOOST_REQUIRE(d.db->Get({}, "zeroes", &value).ok());
  BOOST_TEST(value == std::string(2'000, '\0'));
}

// Any set of the sectors that the last write covers may have reached the disk, and the others not.
BOOST_AUTO_TEST_CASE(ends_before_a_write_that_a_power_failure_tore) {
  for (const size_t bytes : {100u, 700u, 5'000u, 70'000u}) {
    database d;
    for (int number = 0; number < 50; ++number)
      d.put(number);
    const auto before = content_of(database::log_in(d.folder / "db"));
    d.put(50, bytes);
    const auto after = content_of(database::log_in(d.folder / "db"));
    d.db.reset();
    const size_t from = written(before);
    const size_t to = written(after);
    const size_t sectors = (to - 1) / 512 - from / 512 + 1;
    for (size_t round = 0; round < 60; ++round) {
      std::string torn = after;
      bool whole = true;
      for (size_t sector = 0; sector < sectors; ++sector)
        if (sectors == 1 || (round * 7 + sector * (round + 3)) % 5 < 2 || sector == round % sectors) {
          const size_t begin = (from / 512 + sector) * 512;
          std::copy_n(before.begin() + begin, 512, torn.begin() + begin);
          whole = false;
        }
      BOOST_REQUIRE(!whole);
      const auto where = d.copy("torn");
      write_to(database::log_in(where), torn);
      BOOST_TEST_CONTEXT(bytes << " bytes, round " << round) {
        BOOST_REQUIRE(d.open(where));
        BOOST_TEST(d.has(49));
        BOOST_TEST(!d.has(50, bytes));
      }
      d.db.reset();
    }
  }
}

BOOST_AUTO_TEST_CASE(that_is_damaged_is_no_torn_one) {
  database d;
  for (int number = 0; number < 50; ++number)
    d.put(number);
  const auto whole = content_of(database::log_in(d.folder / "db"));
  const auto where = d.copy("damaged");
  const auto log = database::log_in(where);
  for (size_t at = 0; at < written(whole) - 400; at += 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    BOOST_TEST_CONTEXT("byte " << at) {
      BOOST_TEST(end_of_log(damaged) == whole.size()); // LevelDB's business, which reports it
      write_to(log, damaged);
      BOOST_TEST(!d.open(where));
    }
  }
  std::string last = whole; // of the last entry, all of whose sectors are there
  last[written(whole) - 100] = static_cast<char>(last[written(whole) - 100] ^ 0x5a);
  BOOST_TEST(end_of_log(last) == whole.size());
  write_to(log, last);
  BOOST_TEST(!d.open(where));
  std::string lost = whole; // a sector in the middle
  std::fill_n(lost.begin() + 2'048, 512, '\0');
  BOOST_TEST(end_of_log(lost) == whole.size());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace prepared_logs
