// Policies and limits.
import { get, path, put } from "./api.js";
import { button, h, json } from "./dom.js";
import { openForm } from "./dialog.js";
import { dropButton, title } from "./admin_parts.js";
import { table } from "./table.js";

const presets = [["Mirror to all nodes", "ha-mode", "all"], ["Mirror exactly", "ha-mode", "exactly"], ["to so many", "ha-params", 2], ["Message TTL (ms)", "message-ttl", 60000],
  ["Expires (ms)", "expires", 1800000], ["Most messages", "max-length", 10000], ["Most bytes", "max-length-bytes", 10485760], ["Overflow", "overflow", "reject-publish"],
  ["Dead letters to", "dead-letter-exchange", ""], ["Alternate exchange", "alternate-exchange", ""]];

async function policyForm(context, kind, policy) {
  const places = (await get("vhosts?columns=name")).map((each) => each.name);
  openForm(policy ? "Change " + policy.name : "Add a policy", [
    ...(policy ? [] : [{ name: "vhost", label: "Virtual host", options: places }, { name: "name", label: "Name", required: true }]),
    { name: "pattern", label: "Pattern", required: true, value: policy?.pattern ?? "", hint: "Regular expression for names" },
    { name: "apply", label: "Apply to", options: kind === "policies" ? ["all", "queues", "exchanges", "classic_queues", "quorum_queues"] : ["queues", "classic_queues", "quorum_queues"], value: policy?.["apply-to"] },
    { name: "priority", label: "Priority", type: "number", value: policy?.priority ?? 0 },
    { name: "definition", label: "Definition", type: "json", rows: 6, value: JSON.stringify(policy?.definition ?? {}, null, 1), presets }], policy ? "Change policy" : "Add policy",
  async (v) => {
    await put(path(kind, policy?.vhost ?? v.vhost, policy?.name ?? v.name), { pattern: v.pattern, "apply-to": v.apply, priority: v.priority, definition: v.definition });
    context.say(policy ? "Policy changed" : "Policy added");
    context.refresh();
  });
}

const part = (kind, heading) => ({
  paths: () => [kind],
  view: (context, [all]) => [
    title(heading, all.length, button("Add policy", () => policyForm(context, kind), "main add")),
    table(heading, [
      { title: "Name", class: "long", show: (p) => h("b", {}, p.name) }, { title: "Virtual host", show: (p) => p.vhost }, { title: "Pattern", show: (p) => h("code", {}, p.pattern) },
      { title: "Applies to", show: (p) => p["apply-to"] }, { title: "Definition", class: "long", show: (p) => json(p.definition) }, { title: "Priority", number: true, show: (p) => p.priority },
      { title: "", show: (p) => h("span", { class: "row-actions" }, button("Change", () => policyForm(context, kind, p), "quiet"),
        dropButton(context, "Delete", "Delete the policy?", "Queues and exchanges that " + p.name + " applies to get the next one that fits.", kind, p.vhost, p.name)) },
    ], all, { rowKey: (p) => p.vhost + "\n" + p.name })],
});
export const policies = part("policies", "Policies");
export const operatorPolicies = part("operator-policies", "Operator policies");

const flat = (all, of) => all.flatMap((each) => Object.entries(each.value).map(([name, value]) => ({ of: each[of], name, value })));

function limitForm(context, kind, of, names, options) {
  openForm("Set a limit", [{ name: "of", label: of, options }, { name: "name", label: "Limit", options: names }, { name: "value", label: "Most", type: "number", value: 100, hint: "0: none at all; below 0: no limit" }], "Set limit",
  async (v) => { await put(path(kind, v.of, v.name), { value: v.value }); context.say("Limit set"); context.refresh(); });
}

function limitTable(context, heading, kind, of, rows, names, options) {
  return [title(heading, rows.length, button("Set limit", () => limitForm(context, kind, of, names, options), kind === "vhost-limits" ? "main add" : "")),
    table(heading, [{ title: of, show: (l) => h("b", {}, l.of) }, { title: "Limit", show: (l) => l.name }, { title: "Most", number: true, show: (l) => l.value },
      { title: "", show: (l) => dropButton(context, "Clear", "Clear the limit?", l.name + " of " + l.of, kind, l.of, l.name) }], rows, { rowKey: (l) => l.of + "\n" + l.name })];
}

export const limits = {
  paths: () => ["vhost-limits", "user-limits", "vhosts?columns=name", "users?columns=name"],
  view: (context, [ofVhosts, ofUsers, vhosts, users]) => [
    limitTable(context, "Limits of virtual hosts", "vhost-limits", "Virtual host", flat(ofVhosts, "vhost"), ["max-connections", "max-queues"], vhosts.map((each) => each.name)),
    limitTable(context, "Limits of users", "user-limits", "User", flat(ofUsers, "user"), ["max-connections", "max-channels"], users.map((each) => each.name))],
};
