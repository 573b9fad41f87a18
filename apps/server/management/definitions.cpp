// Exporting and importing definitions (features.md O18, O28).
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "definitions_job.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "metadata/definitions.hpp"
#include "model/json.hpp"
#include "version.hpp"

namespace broker::management {

namespace definitions_part {
namespace {

void send(const call_ptr& to, std::string_view vhost) {
  definitions_product product;
  product.rabbitmq_version = rabbitmq_version;
  product.version = warren_version;
  auto result = json_response(200, write_definitions(*to->metadata, product, vhost));
  if (const auto name = to->target.value("download"); name && name->find_first_of("\"\r\n\\") == std::string::npos)
    result.headers.emplace_back("content-disposition", "attachment; filename=\"" + *name + "\"");
  to->done(std::move(result));
}

void export_all(const call_ptr& to) {
  send(to, {});
}

void export_vhost(const call_ptr& to) {
  to->metadata->vhost_exists(to->name(0)) ? send(to, to->name(0)) : not_found(to);
}

void take(const call_ptr& to, std::string_view text, const std::string& vhost) {
  if (const auto parsed = parse_json(text, limits::definitions_bytes_max); !parsed || !parsed->is_object())
    return bad_request(to, "not_json");
  import_definitions(
    to->in_service.around.node, text,
    [to](const result<std::vector<std::string>>& skipped) {
      skipped ? answer(to, 204) : bad_request(to, skipped.error().text);
    },
    vhost);
}

void import_all(const call_ptr& to) {
  take(to, to->in.body, {});
}

void import_vhost(const call_ptr& to) {
  to->metadata->vhost_exists(to->name(0)) ? take(to, to->in.body, to->name(0)) : not_found(to);
}

} // namespace
} // namespace definitions_part

std::span<const route> definition_routes() {
  using namespace definitions_part;
  static constexpr route all[] = {
    {"GET", "definitions", rule::administrator, export_all},
    {"POST", "definitions", rule::administrator, import_all, true},
    {"PUT", "definitions", rule::administrator, import_all, true},
    {"GET", "definitions/*", rule::administrator, export_vhost},
    {"POST", "definitions/*", rule::administrator, import_vhost, true},
    {"PUT", "definitions/*", rule::administrator, import_vhost, true},
  };
  return all;
}

} // namespace broker::management
