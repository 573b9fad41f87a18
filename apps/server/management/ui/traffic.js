import { get, path, post, put, remove } from "./api.js";
import { bytes, form, h, number, rate, table } from "./dom.js";
import { pagedTable } from "./lists.js";

export function connections(context) {
  return pagedTable(context, "Connections", "connections", [
    { title: "Name", key: "name", show: (c) => c.name },
    { title: "Client", show: (c) => c.client_properties?.connection_name ?? c.client_properties?.product ?? "" },
    { title: "User", key: "user", show: (c) => c.user }, { title: "Virtual host", key: "vhost", show: (c) => c.vhost },
    { title: "Node", key: "node", show: (c) => c.node }, { title: "State", key: "state", show: (c) => c.state },
    { title: "Channels", key: "channels", number: true, show: (c) => number(c.channels) },
    { title: "From client", key: "recv_oct_details.rate", number: true, show: (c) => bytes(c.recv_oct_details?.rate) + "/s" },
    { title: "To client", key: "send_oct_details.rate", number: true, show: (c) => bytes(c.send_oct_details?.rate) + "/s" },
    { title: "", show: (c) => h("button", { class: "danger", type: "button",
      onclick: () => confirm("Close the connection " + c.name + "?") && context.act(() => remove(path("connections", c.name)), "Connection closed") }, "Close") },
  ]);
}

export function channels(context) {
  return pagedTable(context, "Channels", "channels", [
    { title: "Channel", key: "name", show: (c) => c.name }, { title: "User", key: "user", show: (c) => c.user },
    { title: "Virtual host", key: "vhost", show: (c) => c.vhost },
    { title: "Mode", show: (c) => [c.confirm ? h("span", { class: "badge" }, "confirm") : null, c.transactional ? h("span", { class: "badge" }, "tx") : null] },
    { title: "State", key: "state", show: (c) => c.state },
    { title: "Consumers", key: "consumer_count", number: true, show: (c) => number(c.consumer_count) },
    { title: "Unconfirmed", key: "messages_unconfirmed", number: true, show: (c) => number(c.messages_unconfirmed) },
    { title: "Prefetch", key: "prefetch_count", number: true, show: (c) => number(c.prefetch_count) },
    { title: "Unacked", key: "messages_unacknowledged", number: true, show: (c) => number(c.messages_unacknowledged) },
    { title: "Publish", key: "message_stats.publish_details.rate", number: true, show: (c) => rate(c.message_stats?.publish_details?.rate) },
    { title: "Deliver", key: "message_stats.deliver_get_details.rate", number: true, show: (c) => rate(c.message_stats?.deliver_get_details?.rate) },
    { title: "Ack", key: "message_stats.ack_details.rate", number: true, show: (c) => rate(c.message_stats?.ack_details?.rate) },
  ]);
}

const exchangeLink = (x) => h("a", { href: "#/exchanges/" + path(x.vhost, x.name || "amq.default") }, x.name || "(default)");

export async function exchanges(context) {
  const vhosts = (await get("vhosts?columns=name")).map((each) => each.name);
  const list = await pagedTable(context, "Exchanges", "exchanges", [
    { title: "Name", key: "name", long: true, show: exchangeLink }, { title: "Virtual host", key: "vhost", show: (x) => x.vhost },
    { title: "Type", key: "type", show: (x) => x.type },
    { title: "Features", show: (x) => [x.durable ? h("span", { class: "badge" }, "durable") : null,
      x.auto_delete ? h("span", { class: "badge" }, "auto-delete") : null, x.internal ? h("span", { class: "badge" }, "internal") : null,
      x.policy ? h("span", { class: "badge" }, x.policy) : null] },
  ]);
  return [...list, form("Add an exchange", [
    { name: "vhost", label: "Virtual host", options: vhosts }, { name: "name", label: "Name", required: true },
    { name: "type", label: "Type", options: ["direct", "fanout", "topic", "headers"] },
    { name: "durable", label: "Durable", type: "checkbox", value: true }], "Add exchange",
  (v) => context.act(() => put(path("exchanges", v.vhost, v.name), { type: v.type, durable: v.durable }), "Exchange added"))];
}

export function bindingTable(context, title, bindings) {
  return [h("h2", {}, title), table(title, [
    { title: "From", show: (b) => b.source || "(default)" },
    { title: "To", show: (b) => h("span", {}, h("span", { class: "badge" }, b.destination_type), b.destination) },
    { title: "Routing key", long: true, show: (b) => b.routing_key },
    { title: "Arguments", long: true, show: (b) => Object.keys(b.arguments).length ? JSON.stringify(b.arguments) : "" },
    { title: "", show: (b) => b.source ? h("button", { type: "button", onclick: () => context.act(() => remove(
      path("bindings", b.vhost, "e", b.source, b.destination_type === "queue" ? "q" : "e", b.destination, b.properties_key)), "Unbound") }, "Unbind") : "" },
  ], bindings)];
}

export function publishForm(context, vhost, exchangeName, routingKey) {
  return form("Publish a message", [
    { name: "key", label: "Routing key", value: routingKey ?? "" },
    { name: "mode", label: "Delivery mode", options: ["2 - persistent", "1 - transient"] },
    { name: "headers", label: "Headers (JSON)", type: "textarea", value: "{}" },
    { name: "payload", label: "Payload", type: "textarea" }], "Publish",
  async (v) => {
    try {
      const done = await post(path("exchanges", vhost, exchangeName || "amq.default", "publish"), {
        properties: { delivery_mode: Number(v.mode[0]), headers: JSON.parse(v.headers || "{}") }, routing_key: v.key,
        payload: v.payload, payload_encoding: "string" });
      context.say(done.routed ? "Message published" : "Published, but no queue took the message", !done.routed);
    } catch (problem) { context.say(problem.message, true); }
  });
}

export async function exchange(context, vhost, name) {
  const base = path("exchanges", vhost, name);
  const [one, from, into] = await Promise.all([get(base), get(base + "/bindings/source"), get(base + "/bindings/destination")]);
  const own = one.name !== "" && !one.name.startsWith("amq.");
  return [
    h("p", {}, h("a", { href: "#/exchanges" }, "Exchanges")), h("h2", {}, "Exchange ", one.name || "(default)", " in ", one.vhost),
    h("p", {}, h("span", { class: "badge" }, one.type), one.durable ? h("span", { class: "badge" }, "durable") : null,
      Object.keys(one.arguments).length ? JSON.stringify(one.arguments) : ""),
    ...bindingTable(context, "Bindings from here", from), ...bindingTable(context, "Bindings to here", into),
    one.name !== "" ? form("Bind a queue or exchange", [{ name: "kind", label: "To", options: ["queue", "exchange"] },
      { name: "destination", label: "Name", required: true }, { name: "key", label: "Routing key" },
      { name: "arguments", label: "Arguments (JSON)", value: "{}" }], "Bind",
    (v) => context.act(() => post(path("bindings", vhost, "e", name, v.kind === "queue" ? "q" : "e", v.destination),
      { routing_key: v.key, arguments: JSON.parse(v.arguments || "{}") }), "Bound")) : null,
    publishForm(context, vhost, one.name),
    own ? h("p", {}, h("button", { class: "danger", type: "button", onclick: () => confirm("Delete the exchange " + name + "?")
      && context.act(async () => { await remove(base); location.hash = "#/exchanges"; }, "Exchange deleted") }, "Delete this exchange")) : null,
  ].filter((each) => each !== null);
}
