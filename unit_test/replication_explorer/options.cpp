#include "options.hpp"

#include <algorithm>
#include <sstream>

namespace explorer {

using broker::replication::plant;

namespace {

constexpr const char* budget_names[] = {"crash",  "loss",  "expire",    "slow",  "tail",   "wipe", "resend",
                                        "settle", "purge", "hand-over", "retry", "forget", "take"};
static_assert(std::size(budget_names) == budgets);

constexpr const char* plant_names[] = {
  "remove-early",       "old-inc-ack",      "join-short",        "hw-truncate",      "promote-outside",
  "shortest",           "stale-epoch",      "no-own-fsync",      "keep-inc",         "deliver-early",
  "join-uncounted",     "ack-before-fsync", "ack-log-end",       "no-version-check", "no-dedupe",
  "gap-publish",        "add-stale-inc",    "known-epoch",       "forget-pending",   "recover-all",
  "wiped-eligible",     "ack-in-copy",      "wipe-in-place",     "min-at-publish",   "promote-shrinks",
  "register-shrinks",   "join-at-commit",   "forget-early",      "copy-from-end",    "copy-no-dedupe",
  "copy-drops-settles", "keep-dedupe",      "hand-over-outside", "start-over-any",   "purge-all",
  "keep-copy-inc"};
static_assert(std::size(plant_names) == static_cast<size_t>(plant::count_plants));

struct flag {
  const char* name;
  bool options::*where;
};
constexpr flag flags[] = {{"grace", &options::grace},
                          {"live", &options::live},
                          {"lazy-fsync", &options::lazy_fsync},
                          {"free", &options::free},
                          {"copy", &options::copy},
                          {"short-tail", &options::short_tail},
                          {"stale", &options::stale},
                          {"split-inventory", &options::split_inventory},
                          {"announce", &options::announce}};

struct number {
  const char* name;
  int options::*where;
};
constexpr number numbers[] = {{"nodes", &options::nodes},
                              {"members", &options::members},
                              {"msgs", &options::messages},
                              {"epochs", &options::epochs},
                              {"minsync", &options::min_in_sync}};

bool set_flag(const std::string& name, options& into) {
  for (const flag& one : flags)
    if (name == one.name)
      return into.*one.where = true;
  return false;
}

bool set_number(const std::string& name, int value, options& into) {
  for (const number& one : numbers)
    if (name == one.name)
      return into.*one.where = value, true;
  for (int at = 0; at < budgets; ++at)
    if (name == budget_names[at])
      return into.budget[at] = value, true;
  if (name == "max")
    return into.states_max = static_cast<uint64_t>(value) * 1'000'000, true;
  return false;
}

bool set_plant(const std::string& name, options& into) {
  for (size_t at = 0; at < std::size(plant_names); ++at)
    if (name == plant_names[at]) {
      into.plants |= uint64_t{1} << at;
      return true;
    }
  return false;
}

} // namespace

std::string plant_name(plant which) {
  return plant_names[static_cast<size_t>(which)];
}

std::vector<std::string> split(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> words;
  for (std::string word; in >> word;)
    words.push_back(word);
  return words;
}

std::string parse(const std::vector<std::string>& words, options& into) {
  for (size_t at = 0; at < words.size(); ++at) {
    if (words[at].rfind("--", 0) != 0)
      return "not an option: " + words[at];
    const std::string name = words[at].substr(2);
    if (set_flag(name, into))
      continue;
    if (at + 1 == words.size())
      return "a value is missing: " + words[at];
    const std::string& value = words[++at];
    if (name == "plant" ? set_plant(value, into) : set_number(name, std::atoi(value.c_str()), into))
      continue;
    return "unknown: --" + name + " " + value;
  }
  if (into.nodes < 1 || into.nodes > nodes_max || into.members < 1 || into.members > into.nodes)
    return "1 to 4 nodes, of which 1 or more are members";
  if (into.messages + into.budget[settle] + into.budget[purge] + into.budget[forget] > entries_max)
    return "too many entries";
  return {};
}

} // namespace explorer
