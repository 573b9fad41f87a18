// Users and what they may.
import { get, path, put } from "./api.js";
import { badge, button, h } from "./dom.js";
import { openForm } from "./dialog.js";
import { dropButton, title } from "./admin_parts.js";
import { table } from "./table.js";

function userForm(context, user) {
  const known = ["management", "policymaker", "monitoring", "administrator"];
  const fields = known.map((tag) => ({ name: "tag_" + tag, label: tag, type: "checkbox", value: user ? user.tags.includes(tag) : tag === "management" }));
  const others = user ? user.tags.filter((each) => !known.includes(each)) : [];
  openForm(user ? "Change " + user.name : "Add a user", [
    ...(user ? [] : [{ name: "name", label: "Name", required: true }]),
    { name: "password", label: user ? "New password" : "Password", type: "password", hint: user ? "Empty: it stays as it is. A new one ends the user's sessions." : "Empty: the user cannot log in with a password." },
    ...fields, { name: "others", label: "Further tags", value: others.join(", ") }], user ? "Change user" : "Add user",
  async (v) => {
    const tags = [...known.filter((tag) => v["tag_" + tag]), ...v.others.split(",").map((each) => each.trim()).filter(Boolean)].join(",");
    const secret = v.password ? { password: v.password } : user ? { password_hash: user.password_hash, hashing_algorithm: user.hashing_algorithm } : { password_hash: "" };
    await put(path("users", user ? user.name : v.name), { ...secret, tags });
    context.say(user ? "User changed" : "User added");
    context.refresh();
  });
}

const summary = (rights) => rights.length ? rights.map((each) => badge(each.vhost, `configure ${each.configure}, write ${each.write}, read ${each.read}`)) : h("span", { class: "warn" }, "nowhere");

export const users = {
  paths: () => ["users", "permissions"],
  view: (context, [all, rights]) => [
    title("Users", all.length, button("Add user", () => userForm(context), "main add")),
    table("Users", [
      { title: "Name", class: "long", show: (u) => h("b", {}, u.name) }, { title: "Tags", show: (u) => u.tags.map((each) => badge(each, null, each === "administrator" ? "accent" : "")) },
      { title: "May use", show: (u) => summary(rights.filter((each) => each.user === u.name)) },
      { title: "Password", show: (u) => u.password_hash ? "set" : h("span", { class: "warn" }, "none") },
      { title: "Limits", show: (u) => Object.entries(u.limits).map(([name, value]) => badge(name + " " + value)) },
      { title: "", show: (u) => h("span", { class: "row-actions" }, button("Change", () => userForm(context, u), "quiet"), button("Permit", () => permissionForm(context, u.name), "quiet"),
        dropButton(context, "Delete", "Delete the user?", u.name + " can no longer log in, and its connections are closed.", "users", u.name)) },
    ], all, { rowKey: (u) => u.name })],
};

export async function permissionForm(context, user, now) {
  const [people, places] = await Promise.all([get("users"), get("vhosts?columns=name")]);
  openForm("Set permissions", [
    { name: "user", label: "User", options: people.map((each) => each.name), value: user }, { name: "vhost", label: "Virtual host", options: places.map((each) => each.name), value: now?.vhost },
    { name: "configure", label: "May configure", value: now?.configure ?? ".*", hint: "Regular expressions for names of queues and exchanges; empty: none" },
    { name: "write", label: "May write", value: now?.write ?? ".*" }, { name: "read", label: "May read", value: now?.read ?? ".*" }], "Set permissions",
  async (v) => {
    await put(path("permissions", v.vhost, v.user), { configure: v.configure, write: v.write, read: v.read });
    context.say("Permissions set");
    context.refresh();
  });
}

function topicForm(context, places) {
  openForm("Set topic permissions", [
    { name: "user", label: "User", required: true }, { name: "vhost", label: "Virtual host", options: places }, { name: "exchange", label: "Exchange", value: "amq.topic", required: true },
    { name: "write", label: "May write", value: ".*" }, { name: "read", label: "May read", value: ".*" }], "Set permissions",
  async (v) => {
    await put(path("topic-permissions", v.vhost, v.user), { exchange: v.exchange, write: v.write, read: v.read });
    context.say("Permissions set");
    context.refresh();
  });
}

const code = (key) => (row) => h("code", {}, row[key] || "(none)");

export const permissions = {
  paths: () => ["permissions", "topic-permissions", "vhosts?columns=name"],
  view: (context, [all, topics, places]) => [
    title("Permissions", all.length, button("Set permissions", () => permissionForm(context), "main add")),
    table("Permissions", [
      { title: "User", show: (p) => h("b", {}, p.user) }, { title: "Virtual host", show: (p) => p.vhost }, { title: "Configure", show: code("configure") },
      { title: "Write", show: code("write") }, { title: "Read", show: code("read") },
      { title: "", show: (p) => h("span", { class: "row-actions" }, button("Change", () => permissionForm(context, p.user, p), "quiet"),
        dropButton(context, "Clear", "Clear the permissions?", p.user + " may no longer use " + p.vhost + ".", "permissions", p.vhost, p.user)) },
    ], all, { rowKey: (p) => p.user + "\n" + p.vhost }),
    title("Topic permissions", topics.length, button("Set topic permissions", () => topicForm(context, places.map((each) => each.name)))),
    table("Topic permissions", [
      { title: "User", show: (p) => h("b", {}, p.user) }, { title: "Virtual host", show: (p) => p.vhost }, { title: "Exchange", show: (p) => p.exchange || "(default)" },
      { title: "Write", show: code("write") }, { title: "Read", show: code("read") },
      { title: "", show: (p) => dropButton(context, "Clear", "Clear the topic permissions?", "All of " + p.user + " on " + p.vhost + " go.", "topic-permissions", p.vhost, p.user) },
    ], topics, { rowKey: (p) => p.user + "\n" + p.vhost + "\n" + p.exchange })],
};
