// warren-sim: runs the broker under simulation, one seed or many (docs/simulation.md).
#include "command.hpp"

int main(int count, char** values) {
  return broker::sim::run_command(count, values);
}
