// Exchanges and bindings.
import { get, path, post, put, remove } from "./api.js";
import { badge, button, h, json, pairs, panel } from "./dom.js";
import { ask, openForm } from "./dialog.js";
import { number, rate } from "./format.js";
import { publishForm } from "./messages.js";
import { listPath, pagedTable, table } from "./table.js";

const inPath = (name) => name || "amq.default";
const shownName = (name) => name || "(default)";
const entries = (object) => Object.keys(object ?? {}).length ? json(object) : "";

const features = (x) => [x.durable ? badge("D", "durable") : badge("transient"), x.auto_delete ? badge("AD", "deleted with its last binding") : null,
  x.internal ? badge("I", "internal: clients cannot publish to it") : null, x.arguments?.["alternate-exchange"] ? badge("AE", "what it cannot route goes to " + x.arguments["alternate-exchange"]) : null,
  x.policy ? badge(x.policy, "policy", "accent") : null];

async function add(context) {
  const vhosts = (await get("vhosts?columns=name")).map((each) => each.name);
  openForm("Add an exchange", [
    { name: "vhost", label: "Virtual host", options: vhosts }, { name: "name", label: "Name", required: true },
    { name: "type", label: "Type", options: ["direct", "fanout", "topic", "headers", "x-consistent-hash"] },
    { name: "durable", label: "Durable: survives restarts", type: "checkbox", value: true },
    { name: "auto_delete", label: "Deleted with its last binding", type: "checkbox" }, { name: "internal", label: "Internal", type: "checkbox" },
    { name: "arguments", label: "Arguments", type: "json", presets: [["Alternate exchange", "alternate-exchange", ""]] }], "Add exchange",
  async (v) => {
    await put(path("exchanges", v.vhost, v.name), { type: v.type, durable: v.durable, auto_delete: v.auto_delete, internal: v.internal, arguments: v.arguments });
    context.say("Exchange added");
    context.refresh();
  });
}

export const exchanges = {
  paths: () => [listPath("exchanges")],
  view: (context, [found]) => pagedTable("Exchanges", [
    { title: "Name", key: "name", class: "long", show: (x) => h("a", { href: "#/exchanges/" + path(x.vhost, inPath(x.name)) }, shownName(x.name)) },
    { title: "Virtual host", key: "vhost", show: (x) => x.vhost }, { title: "Type", key: "type", show: (x) => x.type }, { title: "Features", show: features },
    { title: "In", key: "message_stats.publish_in_details.rate", number: true, show: (x) => rate(x.message_stats?.publish_in_details?.rate) },
    { title: "Out", key: "message_stats.publish_out_details.rate", number: true, show: (x) => rate(x.message_stats?.publish_out_details?.rate) },
  ], found, { rowKey: (x) => x.vhost + " " + x.name, actions: [button("Add exchange", () => add(context), "main add")] }),
};

const place = (vhost, name, kind) => kind === "queue" ? h("a", { href: "#/queues/" + path(vhost, name) }, name) : h("a", { href: "#/exchanges/" + path(vhost, inPath(name)) }, shownName(name));

export function bindings(context, title, all, empty) {
  return [h("h2", {}, title, h("span", { class: "count" }, all.length)), table(title, [
    { title: "From", show: (b) => place(b.vhost, b.source, "exchange") },
    { title: "To", show: (b) => [badge(b.destination_type), place(b.vhost, b.destination, b.destination_type)] },
    { title: "Routing key", class: "long", show: (b) => h("code", {}, b.routing_key) }, { title: "Arguments", class: "long", show: (b) => entries(b.arguments) },
    { title: "", show: (b) => b.source ? button("Unbind", () => context.act(() => remove(path("bindings", b.vhost, "e", b.source,
      b.destination_type === "queue" ? "q" : "e", b.destination, b.properties_key)), "Unbound"), "quiet") : "" },
  ], all, { rowKey: (b) => [b.source, b.destination_type, b.destination, b.properties_key].join("\n"), empty })];
}

// Binds something of `vhost` to something; what is known already is given.
export function bindForm(context, vhost, { source, queue }) {
  openForm("Bind", [
    source === undefined ? { name: "source", label: "From exchange", required: true } : { name: "destination", label: "To", required: true },
    source === undefined ? null : { name: "kind", label: "which is a", options: ["queue", "exchange"] },
    { name: "key", label: "Routing key" }, { name: "arguments", label: "Arguments", type: "json" }].filter(Boolean), "Bind",
  async (v) => {
    await post(path("bindings", vhost, "e", source ?? v.source, v.kind === "exchange" ? "e" : "q", queue ?? v.destination), { routing_key: v.key, arguments: v.arguments });
    context.say("Bound");
    context.refresh();
  });
}

async function drop(context, vhost, name) {
  if (!await ask("Delete the exchange?", "The exchange " + name + " and its bindings go. Publishing to it becomes an error.", "Delete exchange")) return;
  context.act(async () => { await remove(path("exchanges", vhost, name)); location.hash = "#/exchanges"; }, "Exchange deleted");
}

const through = (stats, key) => stats?.[key] ? `${rate(stats[key + "_details"]?.rate)}, ${number(stats[key])} in all` : "nothing yet";

export const exchange = {
  paths: ({ names }) => [path("exchanges", ...names), path("exchanges", ...names, "bindings", "source"), path("exchanges", ...names, "bindings", "destination")],
  view(context, [one, from, into]) {
    const own = one.name !== "" && !one.name.startsWith("amq.");
    const stats = one.message_stats;
    return [
      h("div", { class: "title" }, h("h2", {}, "Exchange ", h("span", { class: "name" }, shownName(one.name))), badge(one.type), features(one), h("span", { class: "actions" },
        button("Publish", () => publishForm(context, one.vhost, one.name, ""), "main"),
        one.name ? button("Bind", () => bindForm(context, one.vhost, { source: one.name }), "add") : null,
        own ? button("Delete", () => drop(context, one.vhost, one.name), "danger") : null)),
      panel(null, pairs([["Virtual host", one.vhost], ["Type", one.type], ["Arguments", entries(one.arguments) || "none"], ["Policy", one.policy ?? "none"],
        ["Published here", through(stats, "publish_in")], ["To queues", through(stats, "publish_out")]])),
      bindings(context, "Bindings from here", from, "Nothing is bound to it: what is published here is dropped."), into.length ? bindings(context, "Bindings to here", into) : null,
    ];
  },
};
