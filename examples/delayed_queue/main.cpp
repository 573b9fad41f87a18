// delayed_queue FOLDER PORT: a broker whose queues may hold back what is published to them.
#include <cstdio>

#include "delayed_queue.hpp"
#include "embedded_node.hpp"
#include "program.hpp"

int main(int count, char** values) {
  const uint16_t port = count == 3 ? examples::parse_port(values[2]) : uint16_t{0};
  if (port == 0) {
    std::fprintf(stderr, "usage: delayed_queue FOLDER PORT\n");
    return 64;
  }
  const examples::end_signals end;
  auto node = examples::embedded_node::start(values[1], port, {examples::delayed_queues(), {}});
  if (!node) {
    std::fprintf(stderr, "delayed_queue: %s\n", node.error().text.c_str());
    return 1;
  }
  std::printf("serving amqp://guest:guest@127.0.0.1:%u, with x-publish-delay\n", unsigned{port});
  std::fflush(stdout);
  end.wait();
  return 0;
}
