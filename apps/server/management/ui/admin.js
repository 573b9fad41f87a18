import { get, path, post, put, remove } from "./api.js";
import { form, h, table } from "./dom.js";

const removeButton = (context, label, question, where) => h("button", { class: "danger", type: "button",
  onclick: () => confirm(question) && context.act(() => remove(where), "Done") }, label);

function users(context, all) {
  return [h("h2", {}, "Users"), table("Users", [
    { title: "Name", show: (u) => u.name }, { title: "Tags", show: (u) => u.tags.join(", ") },
    { title: "Password", show: (u) => u.password_hash ? "set" : h("span", { class: "warn" }, "none") },
    { title: "Limits", show: (u) => Object.entries(u.limits).map((l) => l.join(" ")).join(", ") },
    { title: "", show: (u) => removeButton(context, "Delete", "Delete the user " + u.name + "?", path("users", u.name)) }], all),
  form("Add or change a user", [{ name: "name", label: "Name", required: true }, { name: "password", label: "Password", type: "password" },
    { name: "tags", label: "Tags (management, policymaker, monitoring, administrator)", value: "management" }], "Save user",
  (v) => context.act(() => put(path("users", v.name), { ...(v.password ? { password: v.password } : { password_hash: "" }), tags: v.tags }), "User saved"))];
}

function permissions(context, all, userNames, vhostNames) {
  return [h("h2", {}, "Permissions"), table("Permissions", [
    { title: "User", show: (p) => p.user }, { title: "Virtual host", show: (p) => p.vhost }, { title: "Configure", show: (p) => p.configure },
    { title: "Write", show: (p) => p.write }, { title: "Read", show: (p) => p.read },
    { title: "", show: (p) => removeButton(context, "Clear", "Clear the permissions of " + p.user + " on " + p.vhost + "?", path("permissions", p.vhost, p.user)) }], all),
  form("Set permissions", [{ name: "user", label: "User", options: userNames }, { name: "vhost", label: "Virtual host", options: vhostNames },
    { name: "configure", label: "Configure", value: ".*" }, { name: "write", label: "Write", value: ".*" }, { name: "read", label: "Read", value: ".*" }],
  "Set permissions", (v) => context.act(() => put(path("permissions", v.vhost, v.user), { configure: v.configure, write: v.write, read: v.read }), "Permissions set"))];
}

function vhosts(context, all) {
  return [h("h2", {}, "Virtual hosts"), table("Virtual hosts", [
    { title: "Name", show: (v) => v.name }, { title: "Description", long: true, show: (v) => v.description },
    { title: "Tags", show: (v) => v.tags.join(", ") }, { title: "Messages", number: true, show: (v) => v.messages },
    { title: "Tracing", show: (v) => v.tracing ? "on" : "off" },
    { title: "", show: (v) => removeButton(context, "Delete", "Delete the virtual host " + v.name + " and everything in it?", path("vhosts", v.name)) }], all),
  form("Add a virtual host", [{ name: "name", label: "Name", required: true }, { name: "description", label: "Description" }, { name: "tags", label: "Tags" }],
    "Add virtual host", (v) => context.act(() => put(path("vhosts", v.name), { description: v.description, tags: v.tags }), "Virtual host added"))];
}

function policies(context, title, kind, all, vhostNames) {
  return [h("h2", {}, title), table(title, [
    { title: "Virtual host", show: (p) => p.vhost }, { title: "Name", show: (p) => p.name }, { title: "Pattern", show: (p) => p.pattern },
    { title: "Apply to", show: (p) => p["apply-to"] }, { title: "Definition", long: true, show: (p) => JSON.stringify(p.definition) },
    { title: "Priority", number: true, show: (p) => p.priority },
    { title: "", show: (p) => removeButton(context, "Delete", "Delete the policy " + p.name + "?", path(kind, p.vhost, p.name)) }], all),
  form("Add or change a policy", [{ name: "vhost", label: "Virtual host", options: vhostNames }, { name: "name", label: "Name", required: true },
    { name: "pattern", label: "Pattern", required: true }, { name: "apply", label: "Apply to", options: ["all", "queues", "exchanges", "classic_queues", "quorum_queues"] },
    { name: "priority", label: "Priority", type: "number", value: 0 }, { name: "definition", label: "Definition (JSON)", type: "textarea", value: "{}" }],
  "Save policy", (v) => context.act(() => put(path(kind, v.vhost, v.name), { pattern: v.pattern, "apply-to": v.apply,
    priority: Number(v.priority), definition: JSON.parse(v.definition) }), "Policy saved"))];
}

function limits(context, byVhost, vhostNames) {
  const rows = byVhost.flatMap((each) => Object.entries(each.value).map(([name, value]) => ({ vhost: each.vhost, name, value })));
  return [h("h2", {}, "Limits of virtual hosts"), table("Limits", [
    { title: "Virtual host", show: (l) => l.vhost }, { title: "Limit", show: (l) => l.name }, { title: "Value", number: true, show: (l) => l.value },
    { title: "", show: (l) => removeButton(context, "Clear", "Clear this limit?", path("vhost-limits", l.vhost, l.name)) }], rows),
  form("Set a limit", [{ name: "vhost", label: "Virtual host", options: vhostNames }, { name: "name", label: "Limit", options: ["max-connections", "max-queues"] },
    { name: "value", label: "Value", type: "number", required: true }], "Set limit",
  (v) => context.act(() => put(path("vhost-limits", v.vhost, v.name), { value: Number(v.value) }), "Limit set"))];
}

function definitions(context) {
  const download = async () => {
    const text = JSON.stringify(await get("definitions"), null, 2);
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href: address, download: "warren-definitions.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const file = h("input", { type: "file", accept: ".json,application/json", "aria-label": "Definitions file" });
  return [h("h2", {}, "Definitions"), h("div", { class: "bar" },
    h("button", { type: "button", onclick: () => context.act(download, "Exported") }, "Export"), file,
    h("button", { type: "button", onclick: () => file.files.length && context.act(async () =>
      post("definitions", JSON.parse(await file.files[0].text())), "Imported") }, "Import"))];
}

export async function admin(context) {
  if (!context.tag("administrator")) {
    if (!context.tag("policymaker")) return h("p", {}, "This section is for administrators and policymakers.");
    const [own, places] = await Promise.all([get("policies"), get("vhosts?columns=name")]);
    return policies(context, "Policies", "policies", own, places.map((each) => each.name));
  }
  const [people, rights, places, rules, operatorRules, bounds, cluster] = await Promise.all([get("users"), get("permissions"),
    get("vhosts"), get("policies"), get("operator-policies"), get("vhost-limits"), get("cluster-name")]);
  const names = places.map((each) => each.name);
  return [
    ...users(context, people), ...permissions(context, rights, people.map((each) => each.name), names), ...vhosts(context, places),
    ...policies(context, "Policies", "policies", rules, names),
    ...policies(context, "Operator policies", "operator-policies", operatorRules, names), ...limits(context, bounds, names),
    h("h2", {}, "Cluster"), h("p", {}, "Name: ", cluster.name),
    form("Rename the cluster", [{ name: "name", label: "Name", required: true, value: cluster.name }], "Rename",
      (v) => context.act(() => put("cluster-name", { name: v.name }), "Renamed")),
    ...definitions(context),
  ];
}
