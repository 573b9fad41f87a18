import { get } from "./api.js";
import { bytes, card, chart, duration, h, number, rate, table } from "./dom.js";

// Counts become rates between neighbouring samples; gauges stay.
function rates(details) {
  const samples = [...(details?.samples ?? [])].reverse();
  return samples.slice(1).map((each, i) => {
    const seconds = (each.timestamp - samples[i].timestamp) / 1000;
    return [each.timestamp, seconds > 0 ? Math.max(0, each.sample - samples[i].sample) / seconds : 0];
  });
}
const gauges = (details) => [...(details?.samples ?? [])].reverse().map((each) => [each.timestamp, each.sample]);

const share = (used, limit) => limit > 0 ? used / limit : 0;
const colour = (part) => part >= 0.9 ? "bad" : part >= 0.7 ? "warn" : "good";

function nodeTable(nodes) {
  const measured = (node, used, limit, show) => node.running
    ? h("span", { class: colour(share(used, limit)) }, show(used), limit ? " of " + show(limit) : "") : "";
  return table("Nodes", [
    { title: "Name", show: (n) => n.name },
    { title: "State", show: (n) => n.running
      ? h("span", { class: n.being_drained || n.partitions.length ? "warn" : "good" },
        n.being_drained ? "in maintenance" : n.partitions.length ? "in a minority" : "running")
      : h("span", { class: "bad" }, "Node not running") },
    { title: "Uptime", show: (n) => n.running ? duration(n.uptime) : "" },
    { title: "File descriptors", show: (n) => measured(n, n.fd_used, n.fd_total, number) },
    { title: "Sockets", show: (n) => measured(n, n.sockets_used, n.sockets_total, number) },
    { title: "Memory", show: (n) => n.running && n.mem_alarm ? h("span", { class: "bad" }, bytes(n.mem_used), " alarm")
      : measured(n, n.mem_used, n.mem_limit, bytes) },
    { title: "Disk free", show: (n) => n.running
      ? h("span", { class: n.disk_free_alarm ? "bad" : "good" }, bytes(n.disk_free), n.disk_free_alarm ? " alarm" : "") : "" },
  ], nodes, null, (n) => n.running ? null : "down");
}

export async function overview(context) {
  const range = "lengths_age=600&lengths_incr=5&msg_rates_age=600&msg_rates_incr=5";
  const [all, nodes] = await Promise.all([get("overview?" + range), context.tag("monitoring") ? get("nodes") : []]);
  const stats = all.message_stats ?? {}, queues = all.queue_totals ?? {}, objects = all.object_totals ?? {};
  return [
    h("h2", {}, "Cluster ", all.cluster_name),
    h("div", { class: "cards" }, card("Ready messages", number(queues.messages_ready)),
      card("Unacknowledged", number(queues.messages_unacknowledged)), card("Published", rate(stats.publish_details?.rate)),
      card("Delivered", rate(stats.deliver_get_details?.rate)), card("Connections", number(objects.connections)),
      card("Channels", number(objects.channels)), card("Queues", number(objects.queues)), card("Consumers", number(objects.consumers))),
    h("div", { class: "charts" },
      chart("Queued messages, last ten minutes", [
        { label: "Ready", points: gauges(queues.messages_ready_details) },
        { label: "Unacknowledged", points: gauges(queues.messages_unacknowledged_details) }], (v) => number(Math.round(v))),
      chart("Message rates, last ten minutes", [
        { label: "Publish", points: rates(stats.publish_details) }, { label: "Confirm", points: rates(stats.confirm_details) },
        { label: "Deliver and get", points: rates(stats.deliver_get_details) }, { label: "Ack", points: rates(stats.ack_details) }], rate)),
    nodes.length ? [h("h2", {}, "Nodes"), nodeTable(nodes)] : null,
    all.listeners?.length ? h("details", {}, h("summary", {}, "Listening ports"), table("Listening ports", [
      { title: "Protocol", show: (l) => l.protocol }, { title: "Node", show: (l) => l.node },
      { title: "Address", show: (l) => l.ip_address }, { title: "Port", number: true, show: (l) => l.port }], all.listeners)) : null,
    h("p", {}, "Warren " + all.product_version + ", compatible with RabbitMQ " + all.rabbitmq_version),
  ].flat().filter((each) => each !== null);
}
