#include "raft_sim/state_machine.hpp"

#include <cstring>

namespace raft_sim {
namespace {

constexpr size_t words = 2 + std::tuple_size_v<decltype(state_machine::registers)>;

void put(std::string& out, uint64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}

uint64_t word(std::string_view bytes, size_t number) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + 8 * number, 8);
  return value;
}

} // namespace

std::string state_machine::serialise() const {
  std::string out;
  put(out, index);
  put(out, hash);
  for (const uint64_t one : registers)
    put(out, one);
  put(out, hash_of(out));
  return out;
}

std::optional<state_machine> state_machine::parse(std::string_view bytes) {
  if (bytes.size() != 8 * (words + 1) || word(bytes, words) != hash_of(bytes.substr(0, 8 * words)))
    return std::nullopt;
  state_machine out;
  out.index = word(bytes, 0);
  out.hash = word(bytes, 1);
  for (size_t i = 0; i < out.registers.size(); ++i)
    out.registers[i] = word(bytes, 2 + i);
  return out;
}

} // namespace raft_sim
