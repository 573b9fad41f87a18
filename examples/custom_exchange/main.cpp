// custom_exchange FOLDER PORT: a broker that knows one exchange type more.
#include <cstdio>

#include "embedded_node.hpp"
#include "prefix_exchange.hpp"
#include "program.hpp"

int main(int count, char** values) {
  const uint16_t port = count == 3 ? examples::parse_port(values[2]) : uint16_t{0};
  if (port == 0) {
    std::fprintf(stderr, "usage: custom_exchange FOLDER PORT\n");
    return 64;
  }
  const examples::end_signals end;
  broker::node_extensions extensions;
  extensions.exchange_types.push_back(examples::make_longest_prefix_type());
  auto node = examples::embedded_node::start(values[1], port, std::move(extensions));
  if (!node) {
    std::fprintf(stderr, "custom_exchange: %s\n", node.error().text.c_str());
    return 1;
  }
  std::printf("serving amqp://guest:guest@127.0.0.1:%u, with x-longest-prefix\n", unsigned{port});
  std::fflush(stdout);
  end.wait();
  return 0;
}
