// The cluster at a glance: what is wrong, how much waits, how fast it goes, how the nodes are.
import { path } from "./api.js";
import { chart, gauges, rates, spark } from "./chart.js";
import { badge, dot, h, meter, panel } from "./dom.js";
import { bytes, duration, number, rate } from "./format.js";
import { choice, table } from "./table.js";

const ranges = { 600: ["10 minutes", 5], 3600: ["hour", 60], 28800: ["8 hours", 600], 86400: ["day", 1800] };
let age = 600;

const wanted = ["queue_totals.messages_ready", "queue_totals.messages_unacknowledged", "message_stats.publish", "message_stats.confirm",
  "message_stats.deliver_get", "message_stats.ack", "message_stats.redeliver"];

export function nodeState(node) {
  if (!node.running) return dot("bad", "down");
  if (node.being_drained) return dot("warn", "maintenance");
  if (node.partitions?.length) return dot("warn", "minority");
  if (node.mem_alarm) return dot("bad", "memory alarm");
  if (node.disk_free_alarm) return dot("bad", "disk alarm");
  return dot("good", "running");
}

function problems(nodes) {
  const all = [];
  for (const node of nodes) {
    if (!node.running) all.push([node.name, "does not run"]);
    if (node.mem_alarm) all.push([node.name, "is short of memory: publishers are blocked"]);
    if (node.disk_free_alarm) all.push([node.name, "is short of disk space: publishers are blocked"]);
    if (node.partitions?.length) all.push([node.name, "is in a minority and changes nothing"]);
    if (node.being_drained) all.push([node.name, "is in maintenance"]);
  }
  return all.length ? h("ul", { class: "problems", role: "alert" }, all.map(([name, text]) => h("li", {}, h("b", {}, name), " " + text))) : null;
}

function nodeTable(nodes) {
  const running = (show) => (node) => node.running ? show(node) : "";
  return table("Nodes", [
    { title: "Node", show: (n) => h("a", { href: "#/nodes/" + path(n.name) }, n.name) }, { title: "State", show: nodeState },
    { title: "Uptime", show: running((n) => duration(n.uptime)) },
    { title: "Memory", show: running((n) => meter(n.mem_used, n.mem_limit, bytes(n.mem_used) + " of " + bytes(n.mem_limit))) },
    { title: "Disk free", show: running((n) => h("span", { class: n.disk_free_alarm ? "bad" : "" }, bytes(n.disk_free))) },
    { title: "File descriptors", wide: true, show: running((n) => meter(n.fd_used, n.fd_total, number(n.fd_used) + " of " + number(n.fd_total))) },
    { title: "Connections", wide: true, show: running((n) => meter(n.sockets_used, n.sockets_total, number(n.sockets_used) + " of " + number(n.sockets_total))) },
  ], nodes, { rowClass: (n) => n.running ? null : "down", rowKey: (n) => n.name });
}

function tile(title, value, points, kind, href) {
  return h(href ? "a" : "div", { class: "tile", href }, h("span", {}, title), h("b", {}, value), points ? spark(points, kind) : null);
}

function tiles(all, past) {
  const queues = all.queue_totals ?? {}, stats = all.message_stats ?? {}, objects = all.object_totals ?? {};
  const pastQueues = past.queue_totals ?? {}, pastStats = past.message_stats ?? {};
  return h("div", { class: "tiles" },
    tile("Ready", number(queues.messages_ready), gauges(pastQueues.messages_ready_details), "c0"),
    tile("Unacked", number(queues.messages_unacknowledged), gauges(pastQueues.messages_unacknowledged_details), "c1"),
    tile("Published", rate(stats.publish_details?.rate), rates(pastStats.publish_details), "c0"),
    tile("Delivered", rate(stats.deliver_get_details?.rate), rates(pastStats.deliver_get_details), "c2"),
    tile("Queues", number(objects.queues), null, null, "#/queues"), tile("Exchanges", number(objects.exchanges), null, null, "#/exchanges"),
    tile("Connections", number(objects.connections), null, null, "#/connections"), tile("Channels", number(objects.channels), null, null, "#/channels"),
    tile("Consumers", number(objects.consumers)));
}

function churn(all) {
  const churned = all.churn_rates ?? {};
  const names = [["Connections opened", "connection_created"], ["closed", "connection_closed"], ["Channels opened", "channel_created"], ["closed", "channel_closed"],
    ["Queues declared", "queue_declared"], ["created", "queue_created"], ["deleted", "queue_deleted"]];
  return h("p", { class: "churn" }, names.map(([text, name]) => h("span", {}, text + " ", h("b", {}, number(churned[name] ?? 0)), " ", rate(churned[name + "_details"]?.rate ?? 0))));
}

export const overview = {
  paths: (context) => {
    const step = ranges[age][1];
    return ["overview", `overview?lengths_age=${age}&lengths_incr=${step}&msg_rates_age=${age}&msg_rates_incr=${step}&columns=`
      + wanted.map((each) => each + "_details.samples").join(","), ...(context.has("monitoring") ? ["nodes"] : [])];
  },
  view(context, [all, past, nodes]) {
    const stats = past.message_stats ?? {}, queues = past.queue_totals ?? {};
    return [
      h("div", { class: "title" }, h("h2", {}, "Cluster ", h("span", { class: "name" }, all.cluster_name)), h("span", { class: "actions" },
        choice("Last", String(age), Object.entries(ranges).map(([key, [text]]) => [key, text]), (value) => { age = Number(value); context.restart(); }))),
      problems(nodes ?? []), tiles(all, past),
      h("div", { class: "charts" },
        chart("Queued messages", [
          { label: "Ready", class: "c0", points: gauges(queues.messages_ready_details) },
          { label: "Unacknowledged", class: "c1", points: gauges(queues.messages_unacknowledged_details) }], (v) => number(Math.round(v))),
        chart("Message rates", [
          { label: "Publish", class: "c0", points: rates(stats.publish_details) }, { label: "Confirm", class: "c3", points: rates(stats.confirm_details) },
          { label: "Deliver and get", class: "c2", points: rates(stats.deliver_get_details) }, { label: "Ack", class: "c1", points: rates(stats.ack_details) }], rate)),
      nodes ? [h("h2", {}, "Nodes"), nodeTable(nodes)] : null,
      h("h2", {}, "Since the nodes have started"), panel(null, churn(all)),
      all.listeners?.length ? h("details", {}, h("summary", {}, "Ports"), table("Ports", [
        { title: "Protocol", show: (l) => l.protocol }, { title: "Node", show: (l) => l.node }, { title: "Address", show: (l) => l.ip_address },
        { title: "Port", number: true, show: (l) => l.port }], all.listeners)) : null,
      h("p", { class: "foot" }, "Warren " + all.product_version + " ", badge("speaks RabbitMQ " + all.rabbitmq_version)),
    ];
  },
};
