// The list of queues.
import { get, path, put } from "./api.js";
import { badge, button, dot, h } from "./dom.js";
import { openForm } from "./dialog.js";
import { number, rate } from "./format.js";
import { listPath, pagedTable } from "./table.js";

const argumentNames = { "x-message-ttl": "TTL", "x-expires": "Exp", "x-max-length": "Lim", "x-max-length-bytes": "Lim B", "x-dead-letter-exchange": "DLX",
  "x-dead-letter-routing-key": "DLK", "x-max-priority": "Pri", "x-single-active-consumer": "SAC", "x-overflow": "Ovfl" };

export function features(queue) {
  const shown = [];
  if (queue.type !== "classic") shown.push(badge(queue.type, "type", "accent"));
  if (queue.durable) shown.push(badge("D", "durable"));
  if (queue.auto_delete) shown.push(badge("AD", "deleted with its last consumer"));
  if (queue.exclusive) shown.push(badge("Excl", "of one connection"));
  for (const [argument, text] of Object.entries(argumentNames))
    if (argument in queue.arguments) shown.push(badge(text, argument + ": " + queue.arguments[argument]));
  if (queue.policy) shown.push(badge(queue.policy, "policy", "accent"));
  if (queue.operator_policy) shown.push(badge(queue.operator_policy, "operator policy", "accent"));
  return shown;
}

// Copies as dots: filled for those in sync.
export function copies(queue) {
  const mirrors = queue.slave_nodes ?? (queue.members ?? []).filter((each) => each !== queue.leader);
  if (mirrors.length === 0) return null;
  const inSync = queue.synchronised_slave_nodes ?? queue.online ?? [];
  return h("span", { class: "copies" }, mirrors.map((each) => h("i", { class: inSync.includes(each) ? "dot good" : "dot bad", title: each + (inSync.includes(each) ? ": in sync" : ": not in sync") })),
    h("span", { class: "unseen" }, `${mirrors.filter((each) => inSync.includes(each)).length} of ${mirrors.length} mirrors in sync`));
}

const kinds = { running: "good", live: "good", flow: "warn", down: "bad" };
const words = { flow: "held back", down: "no master" };
export const state = (queue) => dot(kinds[queue.state] ?? "warn", words[queue.state] ?? queue.state);

export async function addQueue(context) {
  const vhosts = (await get("vhosts?columns=name")).map((each) => each.name);
  openForm("Add a queue", [
    { name: "vhost", label: "Virtual host", options: vhosts }, { name: "name", label: "Name", required: true },
    { name: "type", label: "Type", options: [["classic", "classic"], ["quorum", "quorum: replicated"]] },
    { name: "durable", label: "Durable: survives restarts", type: "checkbox", value: true }, { name: "auto_delete", label: "Deleted with its last consumer", type: "checkbox" },
    { name: "arguments", label: "Arguments", type: "json", presets: [["Message TTL (ms)", "x-message-ttl", 60000], ["Expires (ms)", "x-expires", 1800000], ["Most messages", "x-max-length", 10000],
      ["Most bytes", "x-max-length-bytes", 10485760], ["Overflow", "x-overflow", "reject-publish"], ["Dead letters to", "x-dead-letter-exchange", ""], ["with routing key", "x-dead-letter-routing-key", ""],
      ["Priorities", "x-max-priority", 10], ["Single active consumer", "x-single-active-consumer", true]] }], "Add queue",
  async (v) => {
    await put(path("queues", v.vhost, v.name), { durable: v.durable, auto_delete: v.auto_delete, arguments: { ...(v.type === "classic" ? {} : { "x-queue-type": v.type }), ...v.arguments } });
    context.say("Queue added");
    context.refresh();
  });
}

const sum = (name, key) => ({ title: name, key, number: true, show: (q) => number(q[key]) });
const speed = (name, key) => ({ title: name, key: `message_stats.${key}_details.rate`, number: true, show: (q) => rate(q.message_stats?.[key + "_details"]?.rate) });

export const queues = {
  paths: () => [listPath("queues")],
  view: (context, [found]) => pagedTable("Queues", [
    { title: "Name", key: "name", class: "long", show: (q) => h("a", { href: "#/queues/" + path(q.vhost, q.name) }, q.name) }, { title: "Virtual host", key: "vhost", wide: true, show: (q) => q.vhost },
    { title: "Features", wide: true, show: features }, { title: "State", key: "state", show: state },
    sum("Ready", "messages_ready"), sum("Unacked", "messages_unacknowledged"), { ...sum("Total", "messages"), wide: true },
    speed("In", "publish"), speed("Out", "deliver_get"), speed("Ack", "ack"), { ...sum("Consumers", "consumers"), wide: true },
    { title: "Master", key: "node", show: (q) => [h("span", {}, q.node), " ", copies(q)] },
  ], found, { rowClass: (q) => q.state === "down" ? "down" : null, rowKey: (q) => q.vhost + " " + q.name, actions: [button("Add queue", () => addQueue(context), "main add")],
    empty: "There is no queue yet." }),
};
