#include "metadata_store.hpp"

#include <algorithm>
#include <charconv>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "metadata_values.hpp"
#include "prepared_log.hpp"

namespace broker {

namespace {

using namespace metadata_values;

constexpr const char* state_key = "state";
constexpr const char* snapshot_key = "snapshot";
constexpr const char* identity_key = "identity";
/// Entries below the snapshot that one write deletes: half of what a write may hold of new ones, so that it costs
/// little and never falls behind (own choice).
constexpr uint64_t trimmed_per_write = 2'048;
/// Each slot of the mark has a disk block of its own: a torn write leaves the other.
constexpr uint64_t mark_slot_distance_bytes = 4096;

std::string snapshot_name(const consensus::snapshot_meta& meta) {
  return "snapshot-" + std::to_string(meta.index) + "-" + std::to_string(meta.term);
}

/// Is this a snapshot file of a lower index?
bool is_older_snapshot(std::string_view name, uint64_t than) {
  constexpr std::string_view prefix = "snapshot-";
  if (name.substr(0, prefix.size()) != prefix)
    return false;
  name.remove_prefix(prefix.size());
  uint64_t index = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), index);
  return failed == std::errc{} && end != name.data() + name.size() && *end == '-' && index < than;
}

leveldb::ReadOptions checked_reads() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false; // everything is read once, at start
  return options;
}

leveldb::WriteOptions synced() {
  leveldb::WriteOptions options;
  options.sync = true;
  return options;
}

} // namespace

struct leveldb_metadata_store::impl {
  impl(file_system& where, std::string under, const std::string& data_directory)
    : files(where), folder(std::move(under)), shown(data_directory + "/" + folder) {}

  error damaged(const std::string& what) const {
    return {0, "metadata store " + shown + ": " + what + ". No data has been deleted."};
  }
  std::string path(const std::string& name) const { return folder + "/" + name; }

  result<void> open_mark(bool exists);
  result<void> open_database(bool exists);
  result<void> read_mark();
  result<void> write_mark(bool sync);

  /// The value of a key; empty if there is none.
  result<std::string> get(const char* key) const;
  result<void> load_state();
  result<void> load_identity(stored_metadata& out) const;
  result<void> load_snapshot(stored_metadata& out) const;
  result<void> load_log(stored_metadata& out) const;
  /// What a snapshot has left below it to be deleted.
  result<void> find_leftovers();
  /// Adds a slice of that to the batch.
  void trim(leveldb::WriteBatch& batch);

  /// Adds the state to the batch and writes it, synced; then the mark.
  result<void> commit(leveldb::WriteBatch& batch);
  /// By way of the file `temporary`, of which a crash may leave something.
  result<void> write_snapshot_file(const std::string& temporary, const std::string& name, std::string_view data) const;
  /// `into`: prepared or arrived.
  result<void> prepare(std::optional<snapshot_value>& into, const std::string& temporary,
                       const consensus::snapshot_meta& meta, std::string_view data) const;
  /// Pointer to the new snapshot's file and the log behind it up to `upto` in one batch, then what is left of older
  /// snapshots. The log below it is of no interest from then on, and goes little by little.
  result<void> replace_snapshot(const snapshot_value& what, uint64_t upto);
  result<void> remove_older_snapshots(uint64_t than);

  file_system& files;
  const std::string folder;
  const std::string shown; ///< for messages
  std::unique_ptr<file> mark;
  const std::unique_ptr<leveldb::Env> env = make_prepared_log_env();
  std::unique_ptr<leveldb::DB> database;
  uint64_t marked_batch = 0;
  state_value now;
  uint64_t snapshot_index = 0;
  uint64_t snapshot_term = 0;
  uint64_t snapshot_bytes = 0;
  uint64_t oldest = 1;                    ///< no entry below is stored; those up to snapshot_index are left over
  std::unique_ptr<file> served;           ///< the newest snapshot, while it is being sent
  std::optional<snapshot_value> prepared; ///< its file is written; touched by prepare_snapshot and store_snapshot only
  std::optional<snapshot_value> arrived;  ///< likewise; touched by prepare_install and install_snapshot only
  bool loaded = false;
  bool failed = false; ///< a write has failed: what LevelDB holds is unknown (L3)
};

// -- opening ----------------------------------------------------------------------------------------------------------

leveldb_metadata_store::leveldb_metadata_store(std::unique_ptr<impl> what) : impl_(std::move(what)) {}

leveldb_metadata_store::~leveldb_metadata_store() = default;

result<std::unique_ptr<leveldb_metadata_store>>
leveldb_metadata_store::open(file_system& files, const std::string& data_directory, const std::string& folder) {
  auto store = std::make_unique<impl>(files, folder, data_directory);
  if (auto made = files.make_directory(folder); !made)
    return made.error();
  const auto names = files.list(folder);
  if (!names)
    return names.error();
  const auto inside = files.list(folder + "/db");
  if (!inside)
    return inside.error();
  const bool has_mark = std::find(names->begin(), names->end(), "mark") != names->end();
  const bool has_database = !inside->empty();
  if (auto opened = store->open_mark(has_mark); !opened)
    return opened.error();
  // The mark is made before the database, so that a database that is gone cannot pass for a first start.
  if (has_database && !has_mark)
    return store->damaged("the file mark is missing");
  if (!has_database && store->marked_batch > 0)
    return store->damaged("the folder db is missing or empty, but " + std::to_string(store->marked_batch)
                          + " batches have been written to it");
  if (auto opened = store->open_database(has_database); !opened)
    return opened.error();
  return std::unique_ptr<leveldb_metadata_store>{new leveldb_metadata_store{std::move(store)}};
}

result<void> leveldb_metadata_store::impl::open_mark(bool exists) {
  if (!exists) {
    const auto inside = files.list(folder + "/db");
    if (!inside)
      return inside.error();
    if (!inside->empty())
      return {}; // refused by the caller; nothing is created beside a damaged database
  }
  auto opened = files.open(path("mark"), true);
  if (!opened)
    return opened.error();
  mark = std::move(*opened);
  const auto size = mark->size();
  if (!size)
    return size.error();
  // A first start that was cut short leaves an empty mark, or no mark at all, and no database.
  if (exists && *size > 0)
    return read_mark();
  if (auto written = write_mark(true); !written)
    return written;
  return files.sync_directory(folder);
}

result<void> leveldb_metadata_store::impl::read_mark() {
  bool found = false;
  for (uint64_t slot = 0; slot < 2; ++slot) {
    char bytes[mark_slot_bytes];
    const auto size = mark->read(slot * mark_slot_distance_bytes, bytes);
    if (!size)
      return size.error();
    if (const auto batch = decode_mark({bytes, *size})) {
      marked_batch = std::max(marked_batch, *batch);
      found = true;
    }
  }
  return found ? result<void>{} : damaged("the file mark is damaged in both slots");
}

result<void> leveldb_metadata_store::impl::write_mark(bool sync) {
  const std::string slot = encode_mark(now.batch);
  BROKER_ASSERT(slot.size() == mark_slot_bytes, "a slot is read with its size");
  const std::string_view parts[] = {slot};
  if (auto written = mark->write(now.batch % 2 * mark_slot_distance_bytes, parts); !written)
    return written;
  marked_batch = now.batch;
  return sync ? mark->sync() : result<void>{};
}

result<void> leveldb_metadata_store::impl::open_database(bool exists) {
  leveldb::Options options;
  options.env = env.get();
  options.create_if_missing = !exists;
  options.paranoid_checks = true;
  options.max_open_files = 64;
  options.compression = leveldb::kNoCompression;
  leveldb::DB* opened = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, shown + "/db", &opened);
  if (!status.ok())
    return damaged("LevelDB in " + shown + "/db cannot be opened: " + status.ToString());
  database.reset(opened);
  return {};
}

// -- loading ----------------------------------------------------------------------------------------------------------

result<std::string> leveldb_metadata_store::impl::get(const char* key) const {
  std::string value;
  const leveldb::Status status = database->Get(checked_reads(), key, &value);
  if (status.IsNotFound())
    return std::string{};
  if (!status.ok())
    return damaged("LevelDB cannot read '" + std::string{key} + "': " + status.ToString());
  return value;
}

result<stored_metadata> leveldb_metadata_store::load() {
  stored_metadata out;
  if (auto done = impl_->load_state(); !done)
    return done.error();
  if (auto done = impl_->load_identity(out); !done)
    return done.error();
  if (auto done = impl_->load_snapshot(out); !done)
    return done.error();
  if (auto done = impl_->load_log(out); !done)
    return done.error();
  out.state = impl_->now.state;
  impl_->snapshot_index = out.snapshot ? out.snapshot->index : 0;
  impl_->snapshot_term = out.snapshot ? out.snapshot->term : 0;
  impl_->snapshot_bytes = out.snapshot_data.size();
  if (auto done = impl_->find_leftovers(); !done)
    return done.error();
  impl_->loaded = true;
  return out;
}

result<void> leveldb_metadata_store::impl::load_state() {
  const auto bytes = get(state_key);
  if (!bytes)
    return bytes.error();
  now = {};
  if (!bytes->empty()) {
    const auto value = decode_state(*bytes);
    if (!value)
      return damaged("the value of 'state' in db fails its crc32c");
    now = *value;
  }
  if (now.batch < marked_batch)
    return damaged("db ends with batch " + std::to_string(now.batch) + ", but batch " + std::to_string(marked_batch)
                   + " has been synced: LevelDB has lost the end of its log");
  return {};
}

result<void> leveldb_metadata_store::impl::load_identity(stored_metadata& out) const {
  const auto bytes = get(identity_key);
  if (!bytes)
    return bytes.error();
  if (bytes->empty())
    return {};
  out.identity = decode_identity(*bytes);
  return out.identity ? result<void>{} : damaged("the value of 'identity' in db fails its crc32c");
}

result<void> leveldb_metadata_store::impl::load_snapshot(stored_metadata& out) const {
  const auto bytes = get(snapshot_key);
  if (!bytes)
    return bytes.error();
  if (bytes->empty())
    return {};
  const auto value = decode_snapshot(*bytes);
  if (!value)
    return damaged("the value of 'snapshot' in db fails its crc32c");
  const std::string name = snapshot_name(value->meta);
  const auto opened = files.open(path(name), false);
  if (!opened)
    return damaged("the file " + name + " cannot be opened: " + opened.error().text);
  const auto size = (*opened)->size();
  if (!size)
    return size.error();
  if (*size != value->size)
    return damaged("the file " + name + " has " + std::to_string(*size) + " bytes instead of "
                   + std::to_string(value->size));
  out.snapshot_data.resize(value->size);
  const auto got = (*opened)->read(0, out.snapshot_data);
  if (!got)
    return got.error();
  if (*got != value->size || crc32c(out.snapshot_data) != value->crc)
    return damaged("the file " + name + " fails its crc32c");
  out.snapshot = value->meta;
  return {};
}

result<void> leveldb_metadata_store::impl::load_log(stored_metadata& out) const {
  uint64_t expected = out.snapshot ? out.snapshot->index + 1 : 1;
  uint64_t term = out.snapshot ? out.snapshot->term : 0;
  const std::unique_ptr<leveldb::Iterator> at{database->NewIterator(checked_reads())};
  for (at->Seek(log_key(out.snapshot ? expected : 0)); at->Valid(); at->Next(), ++expected) {
    const std::string_view key{at->key().data(), at->key().size()};
    const auto index = parse_log_key(key);
    if (!index)
      break; // "snapshot" and "state" sort behind the log
    if (*index != expected)
      return damaged("log entry " + std::to_string(expected) + " is missing in db, the next one is "
                     + std::to_string(*index));
    auto entry = decode_entry({at->value().data(), at->value().size()});
    if (!entry || entry->index != expected)
      return damaged("log entry " + std::to_string(expected) + " in db fails its crc32c");
    if (entry->term < term || entry->term > now.state.term)
      return damaged("log entry " + std::to_string(expected) + " in db has term " + std::to_string(entry->term));
    term = entry->term;
    out.log.push_back(std::move(*entry));
  }
  if (!at->status().ok())
    return damaged("LevelDB cannot read log entry " + std::to_string(expected) + ": " + at->status().ToString());
  if (expected != now.last_index + 1)
    return damaged("the log in db ends before entry " + std::to_string(expected) + " instead of at entry "
                   + std::to_string(now.last_index));
  return {};
}

result<void> leveldb_metadata_store::impl::find_leftovers() {
  const std::unique_ptr<leveldb::Iterator> at{database->NewIterator(checked_reads())};
  at->Seek(log_key(0));
  if (!at->status().ok())
    return damaged("LevelDB cannot read the log: " + at->status().ToString());
  const auto first = at->Valid() ? parse_log_key({at->key().data(), at->key().size()}) : std::nullopt;
  oldest = std::min(first.value_or(snapshot_index + 1), snapshot_index + 1);
  return {};
}

void leveldb_metadata_store::impl::trim(leveldb::WriteBatch& batch) {
  for (uint64_t i = 0; i < trimmed_per_write && oldest <= snapshot_index; ++i)
    batch.Delete(log_key(oldest++));
}

// -- writing ----------------------------------------------------------------------------------------------------------

result<void> leveldb_metadata_store::impl::commit(leveldb::WriteBatch& batch) {
  if (failed)
    return error{0, "metadata store " + shown + ": an earlier write has failed"};
  failed = true; // until it has not
  ++now.batch;
  trim(batch);
  batch.Put(state_key, encode(now));
  const leveldb::Status status = database->Write(synced(), &batch);
  if (!status.ok())
    return error{0, "metadata store " + shown + ": LevelDB cannot write: " + status.ToString()};
  if (auto written = write_mark(false); !written)
    return written;
  failed = false;
  return {};
}

result<void> leveldb_metadata_store::write(const std::optional<consensus::hard_state>& state,
                                           std::optional<uint64_t> truncate_from,
                                           const std::vector<consensus::entry>& append) {
  BROKER_ASSERT(impl_->loaded, "load() comes first");
  leveldb::WriteBatch batch;
  state_value& now = impl_->now;
  if (state)
    now.state = *state;
  if (truncate_from) {
    BROKER_ASSERT(*truncate_from > impl_->snapshot_index, "what a snapshot holds is committed");
    for (uint64_t index = *truncate_from; index <= now.last_index; ++index)
      batch.Delete(log_key(index));
    now.last_index = std::min(now.last_index, *truncate_from - 1);
  }
  for (const consensus::entry& one : append) {
    BROKER_ASSERT(one.index == now.last_index + 1 && one.term <= now.state.term, "the log is dense");
    batch.Put(log_key(one.index), encode(one));
    now.last_index = one.index;
  }
  return impl_->commit(batch);
}

result<void> leveldb_metadata_store::write_identity(const metadata_identity& who) {
  BROKER_ASSERT(impl_->loaded, "load() comes first");
  BROKER_ASSERT(who.self != 0, "0 is nobody's id");
  leveldb::WriteBatch batch;
  batch.Put(identity_key, encode(who));
  return impl_->commit(batch);
}

result<void> leveldb_metadata_store::prepare_snapshot(const consensus::snapshot_meta& meta, std::string_view data) {
  return impl_->prepare(impl_->prepared, "snapshot.own.tmp", meta, data);
}

result<void> leveldb_metadata_store::store_snapshot(const consensus::snapshot_meta& meta, std::string_view data) {
  BROKER_ASSERT(impl_->loaded, "load() comes first");
  impl& own = *impl_;
  BROKER_ASSERT(meta.index >= own.snapshot_index && meta.index <= own.now.last_index,
                "a snapshot holds stored entries");
  if (meta.index == own.snapshot_index)
    return {};
  if (!own.prepared || own.prepared->meta != meta)
    if (auto written = prepare_snapshot(meta, data); !written)
      return written;
  return own.replace_snapshot(*std::exchange(own.prepared, std::nullopt), meta.index);
}

result<void> leveldb_metadata_store::prepare_install(const consensus::snapshot_meta& meta, std::string_view data) {
  return impl_->prepare(impl_->arrived, "snapshot.tmp", meta, data);
}

result<void> leveldb_metadata_store::install_snapshot(const consensus::snapshot_meta& meta, std::string_view data) {
  BROKER_ASSERT(impl_->loaded, "load() comes first");
  impl& own = *impl_;
  BROKER_ASSERT(meta.index > own.snapshot_index && meta.term <= own.now.state.term, "a snapshot brings something new");
  if (own.failed)
    return error{0, "metadata store " + own.shown + ": an earlier write has failed"};
  if (!own.arrived || own.arrived->meta != meta)
    if (auto written = prepare_install(meta, data); !written) {
      own.failed = true;
      return written;
    }
  const uint64_t upto = own.now.last_index;
  own.now.last_index = meta.index;
  return own.replace_snapshot(*std::exchange(own.arrived, std::nullopt), upto);
}

result<void> leveldb_metadata_store::impl::prepare(std::optional<snapshot_value>& into, const std::string& temporary,
                                                   const consensus::snapshot_meta& meta, std::string_view data) const {
  into.reset();
  if (auto written = write_snapshot_file(temporary, snapshot_name(meta), data); !written)
    return written;
  into = snapshot_value{meta, data.size(), crc32c(data)};
  return {};
}

// File first, pointer after: at any crash the pointer names a whole file.
result<void> leveldb_metadata_store::impl::replace_snapshot(const snapshot_value& what, uint64_t upto) {
  leveldb::WriteBatch batch;
  batch.Put(snapshot_key, encode(what));
  for (uint64_t index = what.meta.index + 1; index <= upto; ++index)
    batch.Delete(log_key(index));
  if (auto committed = commit(batch); !committed)
    return committed;
  snapshot_index = what.meta.index;
  snapshot_term = what.meta.term;
  snapshot_bytes = what.size;
  served.reset();
  if (auto synced_mark = mark->sync(); !synced_mark)
    return synced_mark;
  return remove_older_snapshots(what.meta.index);
}

result<std::optional<snapshot_part>> leveldb_metadata_store::read_snapshot(uint64_t index, uint64_t term,
                                                                           uint64_t offset, size_t bytes_max) {
  BROKER_ASSERT(impl_->loaded, "load() comes first");
  impl& own = *impl_;
  if (index == 0 || index != own.snapshot_index || term != own.snapshot_term || offset > own.snapshot_bytes)
    return std::optional<snapshot_part>{};
  if (!own.served) {
    auto opened = own.files.open(own.path(snapshot_name({index, term, {}})), false);
    if (!opened)
      return opened.error();
    own.served = std::move(*opened);
  }
  snapshot_part part{own.snapshot_bytes, std::string(std::min<uint64_t>(bytes_max, own.snapshot_bytes - offset), '\0')};
  const auto got = own.served->read(offset, part.bytes);
  if (!got)
    return got.error();
  if (*got != part.bytes.size())
    return own.damaged("the file " + snapshot_name({index, term, {}}) + " ends early");
  return std::optional<snapshot_part>{std::move(part)};
}

result<void> leveldb_metadata_store::impl::write_snapshot_file(const std::string& temporary, const std::string& name,
                                                               std::string_view data) const {
  auto opened = files.open(path(temporary), true);
  if (!opened)
    return opened.error();
  if (auto emptied = (*opened)->truncate(0); !emptied) // of what a crash left in it
    return emptied;
  const std::string_view parts[] = {data};
  if (auto written = (*opened)->write(0, parts); !written)
    return written;
  if (auto done = (*opened)->sync(); !done)
    return done;
  if (auto renamed = files.rename(path(temporary), path(name)); !renamed)
    return renamed;
  return files.sync_directory(folder);
}

result<void> leveldb_metadata_store::impl::remove_older_snapshots(uint64_t than) {
  const auto names = files.list(folder);
  if (!names)
    return names.error();
  for (const std::string& name : *names)
    if (is_older_snapshot(name, than))
      if (auto removed = files.remove(path(name)); !removed)
        return removed;
  return {};
}

} // namespace broker
