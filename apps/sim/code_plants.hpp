// Mistakes inside the protocol's own code: the hooks of libbroker/replication/plant.hpp, queue/plant.hpp and
// channel/plant.hpp. Only warren-sim-planted has them, which compiles that code a second time; in warren-sim there are
// none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace broker::sim {

struct code_plant {
  std::string name;
  std::string faults; ///< the kinds without which it does not show, for parse; "" = all
};
/// Those that simulated runs of a cluster must notice; none in warren-sim.
const std::vector<code_plant>& code_plants();
bool is_code_plant(std::string_view name);
/// From now on this process makes that mistake; "", or a name of another kind: none.
void plant_in_code(std::string_view name);

} // namespace broker::sim
