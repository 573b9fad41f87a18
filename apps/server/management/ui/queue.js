// One queue.
import { path, remove } from "./api.js";
import { chart, gauges, rates } from "./chart.js";
import { button, dot, h, json, pairs, panel } from "./dom.js";
import { ask } from "./dialog.js";
import { bindForm, bindings } from "./exchanges.js";
import { bytes, number, percent, rate } from "./format.js";
import { browser, getForm, publishForm } from "./messages.js";
import { features, state } from "./queues.js";
import { choice, table } from "./table.js";

const ranges = { 600: ["10 minutes", 5], 3600: ["hour", 60] };
let age = 600;

// Samples of these.
const charted = ["messages_ready", "messages_unacknowledged", "message_stats.publish", "message_stats.deliver_get", "message_stats.ack"];

function whySlow(flow) {
  return panel("What holds it up", flow.causes.length === 0 ? h("p", {}, dot("good", "Nothing: whoever publishes and consumes goes as fast as they can.")) :
    h("ul", { class: "causes" }, flow.causes.map((each) => h("li", { class: each.severity }, h("b", {}, each.title), " ", each.text))));
}

async function purge(context, base, name) {
  if (!await ask("Drop all ready messages?", "What waits in " + name + " is lost. Messages that consumers have are kept.", "Drop them")) return;
  context.act(() => remove(base + "/contents"), "Queue purged");
}

async function drop(context, base, one) {
  if (!await ask("Delete the queue?", `The queue ${one.name} goes, with ${number(one.messages ?? 0)} messages.`, "Delete queue")) return;
  context.act(async () => { await remove(base); location.hash = "#/queues"; }, "Queue deleted");
}

const consumerColumns = [
  { title: "Channel", show: (c) => c.channel_details.name ?? "" }, { title: "Tag", class: "long", show: (c) => c.consumer_tag },
  { title: "Ack", show: (c) => c.ack_required ? "manual" : "automatic" }, { title: "Prefetch", number: true, show: (c) => c.prefetch_count || "no limit" },
  { title: "Activity", show: (c) => dot(c.active ? "good" : "quiet", c.activity_status.replace("_", " ")) },
  { title: "Arguments", class: "long", show: (c) => Object.keys(c.arguments).length ? json(c.arguments) : "" },
];

// Who has a copy of the queue besides its master, and whether it could take over.
function mirrors(who) {
  const others = who.replicas.filter((each) => !each.master).sort((a, b) => a.node < b.node ? -1 : 1);
  const shown = (each) => !each.running ? dot("bad", each.node + ", down") : each.in_sync ? dot("good", each.node + ", in sync") : dot("warn", each.node + ", not in sync");
  return others.length === 0 ? "none" : others.map((each) => h("div", { key: each.node }, shown(each)));
}

function facts(one, who) {
  const stats = one.message_stats ?? {};
  return h("div", { class: "columns" },
    panel("Messages", pairs([["Ready", number(one.messages_ready)], ["Unacknowledged", number(one.messages_unacknowledged)], ["Persistent", number(one.messages_persistent)],
      ["In memory", number(one.messages_ram)], ["Bodies", bytes(one.message_bytes)], ["Memory", bytes(one.memory)]])),
    panel("Rates", pairs([["Published", rate(stats.publish_details?.rate)], ["Delivered and got", rate(stats.deliver_get_details?.rate)], ["Acknowledged", rate(stats.ack_details?.rate)],
      ["Redelivered", rate(stats.redeliver_details?.rate)], ["Consumers", number(one.consumers)], ["Consumer capacity", percent(one.consumer_capacity ?? 0)]])),
    panel("What it is", pairs([["Virtual host", one.vhost], ["Master", who.master], who.epoch ? ["Mirrors", mirrors(who)] : null, who.epoch ? ["Epoch", number(who.epoch)] : null, ["Policy", one.policy ?? "none"],
      one.operator_policy ? ["Operator policy", one.operator_policy] : null, ["Arguments", json(one.arguments)],
      Object.keys(one.effective_policy_definition ?? {}).length ? ["Policies make", json(one.effective_policy_definition)] : null])));
}

function charts(past) {
  const stats = past.message_stats ?? {};
  return h("div", { class: "charts" },
    chart("Messages in the queue", [{ label: "Ready", class: "c0", points: gauges(past.messages_ready_details) },
      { label: "Unacknowledged", class: "c1", points: gauges(past.messages_unacknowledged_details) }], (v) => number(Math.round(v))),
    chart("Rates of the queue", [{ label: "Publish", class: "c0", points: rates(stats.publish_details) }, { label: "Deliver", class: "c2", points: rates(stats.deliver_get_details) },
      { label: "Ack", class: "c1", points: rates(stats.ack_details) }], rate));
}

export const queue = {
  paths: ({ names }) => {
    const step = ranges[age][1];
    return [path("queues", ...names), path("queues", ...names, "bindings"), path("queues", ...names, "flow"), path("cluster", "queues", ...names),
      path("queues", ...names) + `?lengths_age=${age}&lengths_incr=${step}&msg_rates_age=${age}&msg_rates_incr=${step}&columns=`
        + charted.map((each) => each + "_details.samples").join(",")];
  },
  view(context, [one, bound, flow, who, past]) {
    const base = path("queues", one.vhost, one.name);
    return [
      h("div", { class: "title" }, h("h2", {}, "Queue ", h("span", { class: "name" }, one.name)), state(one), features(one), h("span", { class: "actions" },
        choice("Last", String(age), Object.entries(ranges).map(([key, [text]]) => [key, text]), (value) => { age = Number(value); context.restart(); }),
        button("Publish", () => publishForm(context, one.vhost, "", one.name), "main add"), button("Browse", () => browser(base)), button("Get", () => getForm(context, base)),
        button("Bind", () => bindForm(context, one.vhost, { queue: one.name })), button("Purge", () => purge(context, base, one.name)), button("Delete", () => drop(context, base, one), "danger"))),
      one.state === "down" ? h("ul", { class: "problems", role: "alert" }, h("li", {}, "Its master does not answer.")) : [whySlow(flow), charts(past), facts(one, who)],
      h("h2", {}, "Consumers", h("span", { class: "count" }, (one.consumer_details ?? []).length)),
      table("Consumers", consumerColumns, one.consumer_details ?? [], { rowKey: (c) => (c.channel_details.name ?? "") + c.consumer_tag, empty: "Nobody consumes from it." }),
      bindings(context, "Bindings", bound),
    ];
  },
};
