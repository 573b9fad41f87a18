// A hash of the whole metadata that costs what has changed since the one before: the hash of a record's bytes is
// remembered with the record, which never changes. Equal serialised bytes give equal hashes, whatever was hashed
// before. For checkers that compare nodes after every entry (G8); one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "metadata/metadata_state.hpp"

namespace broker {

class state_hashes {
public:
  uint64_t of(const metadata_image& image);

private:
  template<class Record, class Bytes>
  uint64_t of_record(const std::shared_ptr<const Record>& record, Bytes bytes);

  struct known {
    std::shared_ptr<const void> record; ///< held, so that no other gets its address
    uint64_t hash = 0;
  };
  std::unordered_map<const void*, known> known_;
};

} // namespace broker
