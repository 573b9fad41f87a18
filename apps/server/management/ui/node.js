// One node.
import { path } from "./api.js";
import { badge, h, meter, pairs, panel } from "./dom.js";
import { bytes, duration, number } from "./format.js";
import { nodeState } from "./overview.js";
import { table } from "./table.js";

export const node = {
  paths: (context) => ["nodes/" + path(context.names[0])],
  view(context, [node]) {
    const title = h("div", { class: "title" }, h("h2", {}, "Node ", h("span", { class: "name" }, node.name)), nodeState(node));
    if (!node.running) return [title, h("p", {}, "Nothing is known of a node that does not run.")];
    return [
      title,
      h("div", { class: "columns" },
        panel("Use", pairs([["Uptime", duration(node.uptime)],
          ["Memory", meter(node.mem_used, node.mem_limit, bytes(node.mem_used) + " of " + bytes(node.mem_limit))],
          ["Disk free", bytes(node.disk_free) + ", alarm below " + bytes(node.disk_free_limit)],
          ["File descriptors", meter(node.fd_used, node.fd_total, number(node.fd_used) + " of " + number(node.fd_total))],
          ["Connections", meter(node.sockets_used, node.sockets_total, number(node.sockets_used) + " of " + number(node.sockets_total))],
          ["Processors", number(node.processors)]])),
        panel("Where", pairs([["Process", node.os_pid], ["Data", node.db_dir], ["Configuration", (node.config_files ?? []).join(", ") || "none"],
          ["Log", (node.log_files ?? []).join(", ") || "none"], ["Cannot reach", node.partitions?.length ? node.partitions.map((each) => badge(each, null, "bad")) : "nobody it should reach"]]))),
      h("h2", {}, "Ports"), table("Ports", [{ title: "Protocol", show: (l) => l.protocol }, { title: "Address", show: (l) => l.ip_address },
        { title: "Port", number: true, show: (l) => l.port }], node.listeners ?? []),
    ];
  },
};
