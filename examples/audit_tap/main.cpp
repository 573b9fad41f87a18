// audit_tap FOLDER PORT: a broker whose queues are watched. At the end it prints what was asked of each queue.
#include <cinttypes>
#include <cstdio>

#include "audit_tap.hpp"
#include "embedded_node.hpp"
#include "program.hpp"

namespace {

void print(const examples::audit_book& book) {
  for (const auto& [queue, counts] : book.read())
    std::printf("%s: published %" PRIu64 ", acknowledged %" PRIu64 ", returned %" PRIu64 ", in %" PRIu64 " requests\n",
                queue.c_str(), counts.published, counts.acknowledged, counts.returned, counts.requests);
}

} // namespace

int main(int count, char** values) {
  const uint16_t port = count == 3 ? examples::parse_port(values[2]) : uint16_t{0};
  if (port == 0) {
    std::fprintf(stderr, "usage: audit_tap FOLDER PORT\n");
    return 64;
  }
  const examples::end_signals end;
  const auto book = std::make_shared<examples::audit_book>();
  auto node = examples::embedded_node::start(values[1], port, {examples::audited_queues(book), {}});
  if (!node) {
    std::fprintf(stderr, "audit_tap: %s\n", node.error().text.c_str());
    return 1;
  }
  std::printf("serving amqp://guest:guest@127.0.0.1:%u, every queue watched\n", unsigned{port});
  std::fflush(stdout);
  end.wait();
  node->reset();
  print(*book);
  return 0;
}
