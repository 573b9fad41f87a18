import { get, path, post, put, remove } from "./api.js";
import { bytes, card, form, h, number, rate, table } from "./dom.js";
import { pagedTable } from "./lists.js";
import { bindingTable, publishForm } from "./traffic.js";

function badges(queue) {
  const shown = [];
  const add = (text, title, kind) => shown.push(h("span", { class: "badge " + (kind ?? ""), title }, text));
  if (queue.durable) add("D", "durable");
  if (queue.auto_delete) add("AD", "auto-delete");
  if (queue.exclusive) add("Excl", "exclusive");
  const names = { "x-message-ttl": "TTL", "x-expires": "Exp", "x-max-length": "Lim", "x-max-length-bytes": "Lim B",
    "x-dead-letter-exchange": "DLX", "x-dead-letter-routing-key": "DLK", "x-max-priority": "Pri", "x-single-active-consumer": "SAC" };
  for (const [argument, text] of Object.entries(names))
    if (argument in queue.arguments) add(text, argument + ": " + queue.arguments[argument]);
  if (queue.type === "quorum") add("quorum", "members: " + (queue.members ?? []).join(", "));
  const mirrors = queue.slave_nodes ?? [], inSync = queue.synchronised_slave_nodes ?? [];
  if (inSync.length) add("+" + inSync.length, "mirrors in sync: " + inSync.join(", "));
  const behind = mirrors.filter((each) => !inSync.includes(each));
  if (behind.length) add("+" + behind.length, "not in sync: " + behind.join(", "), "bad");
  if (queue.policy) add(queue.policy, "policy");
  return shown;
}

const link = (q) => h("a", { href: "#/queues/" + path(q.vhost, q.name) }, q.name);
const state = (q) => h("span", { class: q.state === "running" ? "good" : q.state === "flow" ? "warn" : "bad" }, q.state);

export async function queues(context) {
  const vhosts = (await get("vhosts?columns=name")).map((each) => each.name);
  const list = await pagedTable(context, "Queues", "queues", [
    { title: "Name", key: "name", long: true, show: link }, { title: "Virtual host", key: "vhost", show: (q) => q.vhost },
    { title: "Node", key: "node", show: (q) => q.node }, { title: "Features", show: badges },
    { title: "State", key: "state", show: state },
    { title: "Ready", key: "messages_ready", number: true, show: (q) => number(q.messages_ready) },
    { title: "Unacked", key: "messages_unacknowledged", number: true, show: (q) => number(q.messages_unacknowledged) },
    { title: "Total", key: "messages", number: true, show: (q) => number(q.messages) },
    { title: "In", key: "message_stats.publish_details.rate", number: true, show: (q) => rate(q.message_stats?.publish_details?.rate) },
    { title: "Out", key: "message_stats.deliver_get_details.rate", number: true, show: (q) => rate(q.message_stats?.deliver_get_details?.rate) },
    { title: "Ack", key: "message_stats.ack_details.rate", number: true, show: (q) => rate(q.message_stats?.ack_details?.rate) },
  ], (q) => q.state === "down" ? "down" : null);
  return [...list, form("Add a queue", [
    { name: "vhost", label: "Virtual host", options: vhosts }, { name: "name", label: "Name", required: true },
    { name: "type", label: "Type", options: ["classic", "quorum"] }, { name: "durable", label: "Durable", type: "checkbox", value: true },
    { name: "auto_delete", label: "Auto-delete", type: "checkbox" },
    { name: "arguments", label: "Arguments (JSON)", type: "textarea", value: "{}" }], "Add queue",
  (v) => context.act(() => put(path("queues", v.vhost, v.name), { durable: v.durable, auto_delete: v.auto_delete,
    arguments: { ...(v.type === "classic" ? {} : { "x-queue-type": v.type }), ...JSON.parse(v.arguments || "{}") } }), "Queue added"))];
}

function getForm(base) {
  const shown = h("div", { "aria-live": "polite" });
  const fields = form("Get messages", [
    { name: "ackmode", label: "What happens to them", options: ["ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false"] },
    { name: "count", label: "Messages", type: "number", value: 1 },
    { name: "encoding", label: "Encoding", options: ["auto", "base64"] }], "Get",
  async (v) => {
    try {
      const messages = await post(base + "/get", { ackmode: v.ackmode, count: Number(v.count), encoding: v.encoding, truncate: 50000 });
      shown.replaceChildren(...(messages.length ? messages.map((m) => h("div", { class: "card" },
        h("p", {}, "Exchange ", m.exchange || "(default)", ", routing key ", m.routing_key, m.redelivered ? ", redelivered" : "",
          ", " + m.payload_bytes + " bytes (" + m.payload_encoding + "), " + m.message_count + " left"),
        h("pre", {}, JSON.stringify(m.properties)), h("pre", {}, m.payload))) : [h("p", {}, "The queue is empty.")]));
    } catch (problem) { shown.replaceChildren(h("p", { class: "bad" }, problem.message)); }
  });
  fields.append(shown);
  return fields;
}

export async function queue(context, vhost, name) {
  const base = path("queues", vhost, name);
  const [one, bindings] = await Promise.all([get(base), get(base + "/bindings")]);
  const stats = one.message_stats ?? {};
  return [
    h("p", {}, h("a", { href: "#/queues" }, "Queues")), h("h2", {}, "Queue ", one.name, " in ", one.vhost),
    h("p", {}, state(one), " on ", one.node, " ", badges(one)),
    h("div", { class: "cards" }, card("Ready", number(one.messages_ready)), card("Unacknowledged", number(one.messages_unacknowledged)),
      card("In memory", number(one.messages_ram)), card("Persistent", number(one.messages_persistent)),
      card("Message bytes", bytes(one.message_bytes)), card("Memory", bytes(one.memory)), card("Consumers", number(one.consumers)),
      card("Consumer capacity", Math.round((one.consumer_capacity ?? 0) * 100) + " %"), card("Published", rate(stats.publish_details?.rate)),
      card("Delivered", rate(stats.deliver_get_details?.rate)), card("Acknowledged", rate(stats.ack_details?.rate)),
      card("Redelivered", rate(stats.redeliver_details?.rate))),
    h("details", {}, h("summary", {}, "Arguments and policy"), h("pre", {}, JSON.stringify({ arguments: one.arguments, policy: one.policy,
      operator_policy: one.operator_policy, effective_policy_definition: one.effective_policy_definition }, null, 2))),
    h("h2", {}, "Consumers"), table("Consumers", [
      { title: "Channel", show: (c) => c.channel_details.name ?? "" }, { title: "Tag", long: true, show: (c) => c.consumer_tag },
      { title: "Ack", show: (c) => c.ack_required ? "manual" : "automatic" }, { title: "Prefetch", number: true, show: (c) => c.prefetch_count },
      { title: "Activity", show: (c) => c.activity_status }], one.consumer_details ?? []),
    ...bindingTable(context, "Bindings", bindings),
    publishForm(context, vhost, "", name), getForm(base),
    h("div", { class: "bar" },
      h("button", { type: "button", onclick: () => confirm("Drop all ready messages of " + name + "?")
        && context.act(() => remove(base + "/contents"), "Queue purged") }, "Purge"),
      h("button", { class: "danger", type: "button", onclick: () => confirm("Delete the queue " + name + "?")
        && context.act(async () => { await remove(base); location.hash = "#/queues"; }, "Queue deleted") }, "Delete this queue")),
  ];
}
