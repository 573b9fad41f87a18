// simulate_gathering [--mistake backwards|forgetful] ...: what warren-sim does, with a behaviour of one's own in front
// of every queue. The rest of the line is warren-sim's (docs/simulation.md).
#include <cstdio>
#include <string>

#include "command.hpp"
#include "gathering_queue.hpp"

int main(int count, char** values) {
  auto mistake = examples::gathering_mistake::none;
  if (count > 2 && std::string{values[1]} == "--mistake") {
    const std::string name = values[2];
    if (name != "backwards" && name != "forgetful") {
      std::fprintf(stderr, "no such mistake: %s\n", name.c_str());
      return 64;
    }
    mistake = name == "backwards" ? examples::gathering_mistake::backwards : examples::gathering_mistake::forgetful;
    values[2] = values[0];
    values += 2;
    count -= 2;
  }
  broker::sim::guests own;
  own.make_queue = examples::gathering_queues(mistake);
  return broker::sim::run_command(count, values, std::move(own));
}
