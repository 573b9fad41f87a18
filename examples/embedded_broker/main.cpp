// embedded_broker FOLDER PORT: a program with a broker inside it. Any AMQP 0-9-1 client may connect until Ctrl-C.
#include <cstdio>

#include "embedded_node.hpp"
#include "program.hpp"

int main(int count, char** values) {
  const uint16_t port = count == 3 ? examples::parse_port(values[2]) : uint16_t{0};
  if (port == 0) {
    std::fprintf(stderr, "usage: embedded_broker FOLDER PORT\n");
    return 64;
  }
  const examples::end_signals end;
  auto node = examples::embedded_node::start(values[1], port);
  if (!node) {
    std::fprintf(stderr, "embedded_broker: %s\n", node.error().text.c_str());
    return 1;
  }
  std::printf("serving amqp://guest:guest@127.0.0.1:%u from inside this program\n", unsigned{port});
  std::fflush(stdout);
  end.wait();
  return 0;
}
