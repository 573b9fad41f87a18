// One function object of several lambdas: for std::visit.
#pragma once

namespace broker {

template<class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
template<class... Cases>
overloaded(Cases...) -> overloaded<Cases...>; // clang before 17 does not deduce it for aggregates

} // namespace broker
