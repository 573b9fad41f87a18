#include "witnessed_records.hpp"

#include <algorithm>
#include <set>

#include "segment_scanner.hpp"

namespace broker::sim {

std::vector<witnessed_record> witnessed_records(sim_disk& disk, const std::string& directory) {
  struct found {
    witnessed_record where;
    uint32_t sequence = 0;
    uint64_t number = 0;
  };
  std::vector<found> records;
  std::set<uint32_t> retired; // recovery ignores what they hold
  uint64_t synced = 0;
  const auto names = disk.list(directory);
  for (const auto& name : *names) {
    const std::string path = directory + "/" + name;
    const auto loaded = load_segment_head(*disk.content(path));
    if (loaded.state != head_state::valid)
      continue;
    const segment_file file{path, *disk.open(path, false), loaded.head.sequence, loaded.head.salt};
    segment_scanner scanner(file, loaded.head);
    const auto scanned = scanner.scan([&](const record_head& head, uint32_t offset, std::string_view payload) {
      records.push_back({{path, offset, record_head_bytes + payload.size()}, file.sequence, head.number});
      if (head.kind == record_kind::retire)
        retired.insert(static_cast<uint32_t>(head.first));
      return result<void>{};
    });
    if (scanned)
      synced = std::max(synced, scanner.synced());
  }
  std::vector<witnessed_record> witnessed;
  for (auto& each : records)
    if (each.number < synced && !retired.contains(each.sequence))
      witnessed.push_back(std::move(each.where));
  return witnessed;
}

} // namespace broker::sim
