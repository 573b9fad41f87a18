// Connections and channels.
import { path, remove } from "./api.js";
import { badge, button, dot, h, pairs, panel } from "./dom.js";
import { ask } from "./dialog.js";
import { bytes, number, rate } from "./format.js";
import { listPath, pagedTable, table } from "./table.js";

const kinds = { running: "good", flow: "warn", blocking: "warn", blocked: "bad", closing: "warn" };
export const state = (what) => dot(kinds[what] ?? "quiet", what ?? "");
const flow = (octets) => bytes(octets?.rate ?? 0) + "/s";
const client = (c) => c.client_properties?.connection_name ?? c.client_properties?.product ?? "";

export const connections = {
  paths: () => [listPath("connections")],
  view: (context, [found]) => pagedTable("Connections", [
    { title: "Name", key: "name", show: (c) => h("a", { href: "#/connections/" + path(c.name) }, c.name) },
    { title: "Client", show: client }, { title: "User", key: "user", show: (c) => c.user },
    { title: "Virtual host", key: "vhost", show: (c) => c.vhost }, { title: "Node", key: "node", wide: true, show: (c) => c.node },
    { title: "State", key: "state", show: (c) => state(c.state) },
    { title: "Channels", key: "channels", number: true, show: (c) => number(c.channels) },
    { title: "From client", key: "recv_oct_details.rate", number: true, show: (c) => flow(c.recv_oct_details) },
    { title: "To client", key: "send_oct_details.rate", number: true, show: (c) => flow(c.send_oct_details) },
  ], found, { rowKey: (c) => c.name + " " + c.node, empty: "No client is connected." }),
};

const channelColumns = [
  { title: "Channel", key: "name", show: (c) => h("span", {}, c.name) },
  { title: "User", key: "user", wide: true, show: (c) => c.user }, { title: "Virtual host", key: "vhost", wide: true, show: (c) => c.vhost },
  { title: "Mode", show: (c) => [c.confirm ? badge("confirm", "publisher confirms") : null, c.transactional ? badge("tx", "transactions") : null] },
  { title: "State", key: "state", show: (c) => state(c.state) },
  { title: "Consumers", key: "consumer_count", number: true, show: (c) => number(c.consumer_count) },
  { title: "Prefetch", key: "prefetch_count", number: true, show: (c) => [number(c.prefetch_count), c.global_prefetch_count ? " +" + c.global_prefetch_count : ""] },
  { title: "Unacked", key: "messages_unacknowledged", number: true, show: (c) => number(c.messages_unacknowledged) },
  { title: "Unconfirmed", key: "messages_unconfirmed", number: true, show: (c) => number(c.messages_unconfirmed) },
  { title: "Publish", key: "message_stats.publish_details.rate", number: true, show: (c) => rate(c.message_stats?.publish_details?.rate) },
  { title: "Deliver", key: "message_stats.deliver_get_details.rate", number: true, show: (c) => rate(c.message_stats?.deliver_get_details?.rate) },
  { title: "Ack", key: "message_stats.ack_details.rate", number: true, show: (c) => rate(c.message_stats?.ack_details?.rate) },
];

export const channels = {
  paths: () => [listPath("channels")],
  view: (context, [found]) => pagedTable("Channels", channelColumns, found, { rowKey: (c) => c.name + " " + c.node, empty: "No channel is open." }),
};

async function close(context, name) {
  if (!await ask("Close the connection?", "The client " + name + " is told that an operator has closed it. It may connect again.", "Close connection")) return;
  context.act(async () => { await remove(path("connections", name)); location.hash = "#/connections"; }, "Connection closed");
}

function properties(of) {
  return Object.entries(of ?? {}).map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

export const connection = {
  paths: (context) => [path("connections", context.names[0]), path("connections", context.names[0], "channels")],
  view: (context, [one, open]) => [
    h("div", { class: "title" }, h("h2", {}, "Connection ", h("span", { class: "name" }, one.name)), state(one.state),
      h("span", { class: "actions" }, button("Close", () => close(context, one.name), "danger"))),
    h("div", { class: "columns" },
      panel("Connection", pairs([["Client", client(one)], ["User", one.user], ["Virtual host", one.vhost], ["Node", one.node], ["Protocol", one.protocol + ", " + one.auth_mechanism],
        ["Connected since", new Date(one.connected_at).toLocaleString("en-GB")], ["Heartbeat", one.timeout ? one.timeout + " s" : "none"],
        ["Frames up to", bytes(one.frame_max)], ["From client", bytes(one.recv_oct) + ", " + flow(one.recv_oct_details)], ["To client", bytes(one.send_oct) + ", " + flow(one.send_oct_details)]])),
      panel("What the client says of itself", pairs(properties(one.client_properties)))),
    h("h2", {}, "Channels"), table("Channels", channelColumns.filter((each) => each.key !== "user" && each.key !== "vhost"), open, { rowKey: (c) => c.name, empty: "No channel is open." }),
  ],
};
