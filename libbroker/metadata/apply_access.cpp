#include "metadata/state_impl.hpp"

namespace broker {
namespace {

error no_such_user(const std::string& name) {
  return {0, "User \"" + name + "\" does not exist"};
}

} // namespace

command_result metadata_state::impl::apply(const put_user& what, changes_t&) {
  const auto* existing = now.users.find(what.user.name);
  if (existing && what.must_be_new)
    return refused({0, "User \"" + what.user.name + "\" already exists"});
  if (!existing && what.must_exist)
    return refused(no_such_user(what.user.name));
  auto record = std::make_shared<user_record>(what.user);
  if (existing && what.keep_hash)
    record->password_hash = (*existing)->password_hash;
  if (existing && what.keep_tags)
    record->tags = (*existing)->tags;
  command_result out;
  out.created = now.users.put(std::move(record));
  changed = true;
  return out;
}

command_result metadata_state::impl::apply(const delete_user& what, changes_t&) {
  if (!now.users.find(what.name))
    return refused(no_such_user(what.name));
  for (const auto& one : now.vhosts.sorted())
    if (one->permissions.find(what.name))
      own_vhost(one->name)->permissions.erase(what.name);
  now.users.erase(what.name);
  changed = true;
  return {};
}

command_result metadata_state::impl::apply(const set_permission& what, changes_t&) {
  if (!now.find_vhost(what.vhost))
    return refused({0, "Virtual host " + what.vhost + " does not exist"});
  if (!now.users.find(what.user))
    return refused({0, "User " + what.user + " does not exist"});
  auto compiled = user_rights::compile(what.user, what.rights);
  if (!compiled)
    return refused(compiled.error());
  own_vhost(what.vhost)->permissions.put(*compiled);
  return {};
}

command_result metadata_state::impl::apply(const clear_permission& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return refused({0, "Virtual host " + what.vhost + " does not exist"});
  if (!now.users.find(what.user))
    return refused({0, "User " + what.user + " does not exist"});
  if (vhost->permissions.find(what.user))
    own_vhost(what.vhost)->permissions.erase(what.user);
  return {};
}

} // namespace broker
