// What administrators and policymakers change: a page with parts, of which the address names one.
import { h } from "./dom.js";
import { users, permissions } from "./admin_users.js";
import { limits, operatorPolicies, policies } from "./admin_policies.js";
import { cluster, definitions, vhosts } from "./admin_cluster.js";

const parts = [
  ["users", "Users", users], ["permissions", "Permissions", permissions], ["vhosts", "Virtual hosts", vhosts], ["policies", "Policies", policies],
  ["operator-policies", "Operator policies", operatorPolicies], ["limits", "Limits", limits], ["definitions", "Definitions", definitions], ["cluster", "Cluster", cluster],
];

const allowed = (context) => context.has("administrator") ? parts : context.has("policymaker") ? parts.filter(([name]) => name === "policies") : [];
const current = (context) => allowed(context).find(([name]) => name === context.names[0]) ?? allowed(context)[0];

export const admin = {
  paths: (context) => current(context)?.[2].paths(context) ?? ["whoami"],
  view(context, data) {
    const part = current(context);
    if (!part) return h("p", { class: "panel" }, "This section is for administrators and policymakers.");
    return [h("div", { class: "tabs", role: "navigation", "aria-label": "Parts of the administration" }, allowed(context).map(([name, title]) =>
      h("a", { href: "#/admin/" + name, "aria-current": name === part[0] ? "page" : null }, title))), part[2].view(context, data)];
  },
};
