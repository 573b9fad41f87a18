// Where the bindings of one routing key (or pattern) lead: queues and exchanges, each once, with the number of bindings
// that lead there, since bindings may differ in their arguments alone. Persistent: see persistent_map.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "metadata/records.hpp"
#include "model/persistent_map.hpp"

namespace broker {

/// The far end of a binding: exactly one is set.
struct destination {
  std::shared_ptr<const queue_record> queue;
  std::shared_ptr<const exchange_record> exchange;
};

/// What routing has found so far. `groups` counts the sets it came from: the queues of one set are distinct, those of
/// several may not be.
struct found_destinations {
  std::vector<std::shared_ptr<const queue_record>>& queues;
  std::pmr::vector<const exchange_record*> exchanges;
  size_t groups = 0;

  void add(const destination& to) {
    ++groups;
    if (to.queue)
      queues.push_back(to.queue);
    else
      exchanges.push_back(to.exchange.get());
  }
};

class destination_set {
public:
  bool empty() const noexcept { return queues_.empty() && exchanges_.empty(); }

  void add(const destination& to) {
    if (to.queue)
      add_to(queues_, to.queue);
    else
      add_to(exchanges_, to.exchange);
  }
  /// Takes one binding back that was added.
  void remove(const destination& to) {
    if (to.queue)
      remove_from(queues_, to.queue->name);
    else
      remove_from(exchanges_, to.exchange->name);
  }
  void collect(found_destinations& into) const {
    if (empty())
      return;
    ++into.groups;
    queues_.for_each([&](const counted<queue_record>& entry) { into.queues.push_back(entry.record); });
    exchanges_.for_each([&](const counted<exchange_record>& entry) { into.exchanges.push_back(entry.record.get()); });
  }

private:
  template<class Record>
  struct counted {
    std::shared_ptr<const Record> record;
    uint32_t bindings = 0;
  };
  template<class Record>
  struct by_name {
    static std::string_view key(const counted<Record>& entry) { return entry.record->name; }
  };
  template<class Record>
  using set = persistent_map<counted<Record>, by_name<Record>>;

  template<class Record>
  static void add_to(set<Record>& to, const std::shared_ptr<const Record>& record) {
    if (counted<Record>* present = to.find_mutable(record->name))
      ++present->bindings;
    else
      to.put({record, 1});
  }
  template<class Record>
  static void remove_from(set<Record>& from, std::string_view name) {
    counted<Record>* present = from.find_mutable(name);
    BROKER_ASSERT(present != nullptr, "unbinding what was never bound");
    if (--present->bindings == 0)
      from.erase(name);
  }

  set<queue_record> queues_;
  set<exchange_record> exchanges_;
};

} // namespace broker
