#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/limits.hpp"
#include "metadata/definitions.hpp"
#include "metadata/metadata_state.hpp"
#include "model/json.hpp"
#include "model/json_table.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
namespace {

using nlohmann::json;

/// rabbitmqctl 3.10 writes some objects as arrays of pairs: [["max-length", 5]].
json as_object(const json& value) {
  const auto is_pair = [](const json& one) { return one.is_array() && one.size() == 2 && one[0].is_string(); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_pair))
    return value;
  json object = json::object();
  for (const json& one : value)
    object[one[0].get<std::string>()] = one[1];
  return object;
}

/// One entry of one part. The first mistake is kept, with what it is about; later reads give defaults.
class entry_reader {
public:
  entry_reader(const json& entry, std::string what) : entry_(entry), what_(std::move(what)) {
    if (!entry.is_object())
      fail("is no object");
  }

  const json* find(const char* key) const {
    if (!entry_.is_object())
      return nullptr;
    const auto at = entry_.find(key);
    return at == entry_.end() || at->is_null() ? nullptr : &*at;
  }
  std::string text(const char* key) {
    const json* value = find(key);
    if (!value || !value->is_string())
      return fail(std::string{"has no "} + key), std::string{};
    return value->get<std::string>();
  }
  std::string text(const char* key, std::string otherwise) { return find(key) ? text(key) : std::move(otherwise); }
  bool truth(const char* key, bool otherwise) {
    const json* value = find(key);
    if (value && !value->is_boolean())
      fail(std::string{key} + " is no boolean");
    return value && value->is_boolean() ? value->get<bool>() : otherwise;
  }
  int64_t number(const char* key, int64_t otherwise) {
    const json* value = find(key);
    if (value && !value->is_number_integer())
      fail(std::string{key} + " is no integer");
    return value && value->is_number_integer() ? value->get<int64_t>() : otherwise;
  }
  /// An array of texts, or as RabbitMQ up to 3.8 wrote it, one text with commas.
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    const json* value = find(key);
    if (value && value->is_array()) {
      for (const json& one : *value)
        one.is_string() ? out.push_back(one.get<std::string>()) : fail(std::string{key} + " holds no text");
    } else if (value) {
      const std::string all = text(key);
      for (size_t at = 0; at < all.size();) {
        const size_t end = std::min(all.find(',', at), all.size());
        if (end != at)
          out.push_back(all.substr(at, end - at));
        at = end + 1;
      }
    }
    return out;
  }
  limit_table limits(const json* value) {
    limit_table out;
    const json found = value ? as_object(*value) : json::object();
    if (!found.is_object())
      return fail("limits are no object"), out;
    for (const auto& [name, one] : found.items())
      one.is_number_integer() ? void(out[name] = one.get<int64_t>()) : fail("limit " + name + " is no integer");
    return out;
  }
  amqp::field_table arguments() {
    const json* value = find("arguments");
    auto table = value ? table_from_json(*value) : result<amqp::field_table>{amqp::field_table{}};
    if (!table)
      return fail(table.error().text), amqp::field_table{};
    return std::move(*table);
  }

  void fail(const std::string& why) {
    if (mistake_.empty())
      mistake_ = what_ + " " + why;
  }
  result<void> done() const { return mistake_.empty() ? result<void>{} : result<void>{error{0, mistake_}}; }

private:
  const json& entry_;
  std::string what_;
  std::string mistake_;
};

class importer {
public:
  importer(const json& file, const metadata_snapshot& now, const definitions_context& context)
    : file_(file), now_(now), context_(context) {}

  result<definitions_import> run() {
    using reader = void (importer::*)(entry_reader&);
    constexpr std::pair<const char*, reader> parts[] = {
      // RabbitMQ's order: each needs those before it
      {"users", &importer::user},
      {"vhosts", &importer::vhost},
      {"permissions", &importer::permissions},
      {"topic_permissions", &importer::topic_permissions},
      {"parameters", &importer::parameter},
      {"global_parameters", &importer::global_parameter},
      {"policies", &importer::policy},
      {"queues", &importer::queue},
      {"exchanges", &importer::exchange},
      {"bindings", &importer::binding},
    };
    for (const auto& [name, read] : parts) {
      const auto part = file_.find(name);
      if (part == file_.end() || part->is_null())
        continue;
      if (!part->is_array())
        return error{0, std::string{"definitions: "} + name + " is no array"};
      size_t position = 0;
      for (const json& one : *part) {
        entry_reader entry{one, std::string{"definitions: "} + name + " entry " + std::to_string(++position)};
        (this->*read)(entry);
        if (auto sound = entry.done(); !sound)
          return sound.error();
      }
    }
    return std::move(out_);
  }

private:
  std::string home(entry_reader& entry) {
    std::string found = entry.text("vhost", context_.vhost);
    if (found.empty())
      entry.fail("does not say its virtual host, nor does the request");
    return found;
  }

  void user(entry_reader& entry) {
    user_record record;
    record.name = entry.text("name");
    record.tags = entry.texts("tags");
    if (entry.find("password_hash")) {
      record.password_hash = entry.text("password_hash");
      record.hashing = entry.text("hashing_algorithm", default_hashing());
    } else if (entry.find("password")) {
      const std::string password = entry.text("password");
      if (password.empty() || !context_.new_salt)
        return entry.fail(password.empty() ? "has a blank password" : "has a password in clear text");
      record.password_hash = hash_password(password, context_.new_salt());
    }
    record.limits = entry.limits(entry.find("limits"));
    const auto set_limits = set_user_limits{record.name, record.limits};
    out_.commands.emplace_back(put_user{std::move(record)});
    if (!set_limits.limits.empty())
      out_.commands.emplace_back(set_limits);
  }
  /// Before 3.6 there was nothing but MD5, and exports did not say so.
  std::string default_hashing() const {
    const auto version = file_.find("rabbit_version");
    const std::string text = version != file_.end() && version->is_string() ? version->get<std::string>() : "3.6";
    const bool old =
      text.starts_with("1.") || text.starts_with("2.")
      || (text.starts_with("3.") && text.size() > 2 && text[2] < '6' && (text.size() == 3 || text[3] == '.'));
    return old ? "rabbit_password_hashing_md5" : "rabbit_password_hashing_sha256";
  }

  void vhost(entry_reader& entry) {
    const json none = json::object();
    const json* described = entry.find("metadata");
    entry_reader metadata{described ? *described : none, "definitions: a virtual host's metadata"};
    vhost_record record;
    record.name = entry.text("name");
    record.description = entry.text("description", metadata.text("description", ""));
    record.tags = entry.find("tags") ? entry.texts("tags") : metadata.texts("tags");
    record.default_queue_type = metadata.text("default_queue_type", entry.text("default_queue_type", ""));
    if (record.default_queue_type == "undefined")
      record.default_queue_type.clear();
    if (auto sound = metadata.done(); !sound)
      entry.fail(sound.error().text);
    default_types_[record.name] = record.default_queue_type;
    const auto limits = set_vhost_limits{record.name, entry.limits(entry.find("limits"))};
    out_.commands.emplace_back(put_vhost{std::move(record)});
    if (!limits.limits.empty())
      out_.commands.emplace_back(limits);
  }

  void permissions(entry_reader& entry) {
    out_.commands.emplace_back(set_permission{
      home(entry), entry.text("user"), {entry.text("configure"), entry.text("write"), entry.text("read")}});
  }
  void topic_permissions(entry_reader& entry) {
    out_.commands.emplace_back(set_topic_permission{
      home(entry), entry.text("user"), {entry.text("exchange"), entry.text("write"), entry.text("read")}});
  }

  void parameter(entry_reader& entry) {
    const std::string component = entry.text("component");
    const json* value = entry.find("value");
    if (!value)
      return entry.fail("has no value");
    if (component == "vhost-limits") {
      out_.commands.emplace_back(set_vhost_limits{home(entry), entry.limits(value)});
    } else if (component == "operator_policy") {
      entry_reader body{*value, "definitions: operator policy " + entry.text("name", "")};
      policy_body(body, home(entry), entry.text("name"), true);
      if (auto sound = body.done(); !sound)
        entry.fail(sound.error().text);
    } else {
      out_.commands.emplace_back(set_parameter{{home(entry), component, entry.text("name"), value->dump()}});
    }
  }
  void global_parameter(entry_reader& entry) {
    const json* value = entry.find("value");
    if (!value)
      return entry.fail("has no value");
    out_.commands.emplace_back(set_parameter{{"", "", entry.text("name"), value->dump()}});
  }

  void policy(entry_reader& entry) { policy_body(entry, home(entry), entry.text("name"), false); }
  void policy_body(entry_reader& entry, std::string vhost, std::string name, bool operators) {
    const json* definition = entry.find("definition");
    if (!definition)
      return entry.fail("has no definition");
    out_.commands.emplace_back(
      put_policy{{std::move(vhost), std::move(name), entry.text("pattern"), entry.text("apply-to", "all"),
                  entry.number("priority", 0), as_object(*definition).dump()},
                 operators});
  }

  void queue(entry_reader& entry) {
    queue_record record;
    record.vhost = home(entry);
    record.name = entry.text("name");
    record.durable = entry.truth("durable", true);
    record.auto_delete = entry.truth("auto_delete", false);
    record.node = context_.node;
    if (record.name.starts_with("amq."))
      return skip("queue", record.name, "its name begins with 'amq.'");
    if (now_.find_queue(record.vhost, record.name))
      return;
    record.arguments =
      with_default_queue_type(entry.arguments(), default_type(record.vhost), record.durable, false, record.auto_delete);
    if (is_stream(record.arguments)) {
      streams_.emplace(record.vhost, record.name);
      return skip("queue", record.name, "streams are not offered");
    }
    out_.commands.emplace_back(declare_queue{std::move(record)});
  }
  static bool is_stream(const amqp::field_table& arguments) {
    const auto* type = arguments.find("x-queue-type");
    const std::string* text = type ? type->as_string() : nullptr;
    return text && *text == "stream";
  }
  std::string default_type(const std::string& vhost) const {
    if (const auto found = default_types_.find(vhost); found != default_types_.end())
      return found->second;
    const auto record = now_.find_vhost(vhost);
    return record ? record->default_queue_type : std::string{};
  }

  void exchange(entry_reader& entry) {
    exchange_record record;
    record.vhost = home(entry);
    record.name = entry.text("name");
    record.type = entry.text("type");
    record.durable = entry.truth("durable", true);
    record.auto_delete = entry.truth("auto_delete", false);
    record.internal = entry.truth("internal", false);
    record.arguments = entry.arguments();
    if (record.name.empty() || record.name.starts_with("amq."))
      return skip("exchange", record.name, "it is built in");
    if (!now_.find_exchange(record.vhost, record.name))
      out_.commands.emplace_back(declare_exchange{std::move(record)});
  }

  void binding(entry_reader& entry) {
    binding_record record;
    std::string vhost = home(entry);
    record.source = entry.text("source");
    record.destination = entry.text("destination");
    const std::string type = entry.text("destination_type");
    record.to_exchange = type == "exchange";
    record.routing_key = entry.text("routing_key", "");
    record.arguments = entry.arguments();
    if (!record.to_exchange && type != "queue")
      entry.fail("has no destination_type queue or exchange");
    if (record.source.empty())
      return skip("binding", record.destination, "the default exchange's bindings are implied");
    if (!record.to_exchange && streams_.contains({vhost, record.destination}))
      return skip("binding", record.destination, "streams are not offered");
    out_.commands.emplace_back(bind{std::move(vhost), std::move(record), 0});
  }

  void skip(const std::string& kind, const std::string& name, const std::string& why) {
    out_.skipped.push_back("Skipping import of " + kind + " '" + name + "': " + why);
  }

  const json& file_;
  const metadata_snapshot& now_;
  const definitions_context& context_;
  std::map<std::string, std::string> default_types_;      ///< of the file's vhosts
  std::set<std::pair<std::string, std::string>> streams_; ///< left out: vhost and name
  definitions_import out_;
};

} // namespace

result<definitions_import> read_definitions(std::string_view text, const metadata_snapshot& now,
                                            const definitions_context& context) {
  const auto file = parse_json(text, limits::definitions_bytes_max);
  if (!file)
    return file.error();
  if (!file->is_object())
    return error{0, "definitions: not a JSON object"};
  return importer{*file, now, context}.run();
}

} // namespace broker
