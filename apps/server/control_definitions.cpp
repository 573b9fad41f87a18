// export_definitions and import_definitions (features.md O10, O28).
#include "control_verb.hpp"
#include "definitions_job.hpp"
#include "metadata/definitions.hpp"
#include "version.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

/// A row of the answer: well below a frame.
constexpr size_t piece_bytes = 256 * 1024;

/// Never between the octets of one character.
size_t piece_end(std::string_view text) {
  size_t end = std::min(piece_bytes, text.size());
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return end;
}

void export_all(node_view& node, const request&, reply done) {
  definitions_product product;
  product.rabbitmq_version = rabbitmq_version;
  product.version = warren_version;
  const std::string text = write_definitions(*node.metadata(), product);
  response answer = table({"text"});
  for (std::string_view left = text; !left.empty(); left.remove_prefix(piece_end(left)))
    answer.rows.push_back({left.substr(0, piece_end(left))});
  done(std::move(answer));
}

void import_all(node_view& node, const request& what, reply done) {
  import_definitions(node, what.attachment, [done = std::move(done)](const result<std::vector<std::string>>& skipped) {
    if (!skipped)
      return done(failure(exit_with::unavailable, skipped.error().text));
    response answer = table({"skipped"});
    for (const auto& line : *skipped)
      answer.rows.push_back({line});
    done(std::move(answer));
  });
}

} // namespace

std::span<const verb> definition_verbs() {
  static constexpr verb verbs[] = {
    {"export_definitions", 0, 0, export_all},
    {"import_definitions", 0, 0, import_all},
  };
  return verbs;
}

} // namespace broker
