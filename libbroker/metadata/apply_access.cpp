#include "metadata/state_impl.hpp"

namespace broker {
namespace {

error no_such_user(const std::string& name) {
  return {0, "User \"" + name + "\" does not exist"};
}

command_result missing_user(const std::string& name) {
  return refused({0, "User " + name + " does not exist"});
}

} // namespace

command_result metadata_state::impl::apply(const put_user& what, changes_t&) {
  const auto* existing = now.users.find(what.user.name);
  if (existing && what.must_be_new)
    return refused({0, "User \"" + what.user.name + "\" already exists"});
  if (!existing && what.must_exist)
    return refused(no_such_user(what.user.name));
  if (!is_known_hashing(what.user.hashing))
    return refused({0, "Hashing algorithm " + what.user.hashing + " is not known"});
  auto record = std::make_shared<user_record>(what.user);
  if (existing)
    record->limits = (*existing)->limits; // set_user_limits changes them
  if (existing && what.keep_hash) {
    record->password_hash = (*existing)->password_hash;
    record->hashing = (*existing)->hashing;
  }
  if (existing && what.keep_tags)
    record->tags = (*existing)->tags;
  command_result out;
  out.created = now.users.put(std::move(record));
  changed = true;
  return out;
}

command_result metadata_state::impl::apply(const delete_user& what, changes_t& changes) {
  if (!now.users.find(what.name))
    return refused(no_such_user(what.name));
  for (const auto& one : now.vhosts.sorted()) {
    if (one->permissions.find(what.name))
      own_vhost(one->name())->permissions.erase(what.name);
    apply(clear_topic_permission{one->name(), what.name, {}}, changes);
  }
  now.users.erase(what.name);
  changed = true;
  changes.push_back({metadata_change::kind::user_deleted, nullptr, what.name});
  return {};
}

command_result metadata_state::impl::apply(const set_permission& what, changes_t&) {
  if (!now.find_vhost(what.vhost))
    return missing_vhost(what.vhost);
  if (!now.users.find(what.user))
    return missing_user(what.user);
  auto compiled = user_rights::compile(what.user, what.rights);
  if (!compiled)
    return refused(compiled.error());
  own_vhost(what.vhost)->permissions.put(*compiled);
  return {};
}

command_result metadata_state::impl::apply(const clear_permission& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return missing_vhost(what.vhost);
  if (!now.users.find(what.user))
    return missing_user(what.user);
  if (vhost->permissions.find(what.user))
    own_vhost(what.vhost)->permissions.erase(what.user);
  return {};
}

command_result metadata_state::impl::apply(const set_topic_permission& what, changes_t&) {
  if (!now.find_vhost(what.vhost))
    return missing_vhost(what.vhost);
  if (!now.users.find(what.user))
    return missing_user(what.user);
  auto compiled = topic_rights::compile(what.user, what.rights);
  if (!compiled)
    return refused(compiled.error());
  own_vhost(what.vhost)->topic_permissions.put(*compiled);
  return {};
}

command_result metadata_state::impl::apply(const clear_topic_permission& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return missing_vhost(what.vhost);
  if (!now.users.find(what.user))
    return missing_user(what.user);
  std::vector<std::string> doomed;
  vhost->topic_permissions.for_each([&](const auto& row) {
    if (row->user == what.user && (what.exchange.empty() || row->rights.exchange == what.exchange))
      doomed.push_back(row->key);
  });
  for (const std::string& key : doomed)
    own_vhost(what.vhost)->topic_permissions.erase(key);
  return {};
}

command_result metadata_state::impl::apply(const set_user_limits& what, changes_t&) {
  const auto* found = now.users.find(what.user);
  if (!found)
    return refused(no_such_user(what.user));
  if (auto known = check_limits(what.limits, {"max-connections", "max-channels"}); !known)
    return refused(known.error());
  auto record = std::make_shared<user_record>(**found);
  record->limits = what.limits;
  now.users.put(std::move(record));
  changed = true;
  return {};
}

} // namespace broker
