// The cluster map: a row for every queue, a column for every node, and what the node has of the queue. When a mirror
// becomes master, the mark of the master travels there.
import { path } from "./api.js";
import { badge, dot, h } from "./dom.js";
import { clock, number } from "./format.js";
import { choice, go, listPath, listState, pagedTable } from "./table.js";

const before = new Map(); // queue -> {master, epoch} as shown last
const news = []; // what has happened since the page was opened, newest first
const newsMax = 50;
const travelMs = 900;
const keyOf = (queue) => queue.vhost + "\n" + queue.name;

// What has changed since the last time; remembers what is now.
function changes(rows) {
  const moved = [];
  for (const each of rows) {
    const was = before.get(keyOf(each));
    if (was && was.master !== each.master) moved.push({ queue: each, from: was.master, to: each.master });
    if (was && was.health !== each.health) note(each.name, each.health === "good" ? "all copies in sync again" : words[each.health]);
    before.set(keyOf(each), { master: each.master, health: each.health });
  }
  for (const each of moved) note(each.queue.name, `${each.from} → ${each.to}` + (each.queue.epoch ? `, epoch ${each.queue.epoch}` : ""));
  return moved;
}

function note(name, text) {
  news.unshift({ at: Date.now(), name, text });
  if (news.length > newsMax) news.pop();
}

const words = { good: "in sync", behind: "a copy is behind or away", blocked: "too few copies: confirms wait", no_master: "no master" };
const healthKinds = { good: "good", behind: "warn", blocked: "bad", no_master: "bad" };

function cell(queue, node) {
  const here = queue.replicas.find((each) => each.node === node);
  if (!here) return h("span", { class: "cell none", "aria-label": "nothing" });
  const kind = here.master ? "master" : "mirror";
  const health = !here.running ? "away" : here.in_sync ? "synced" : "behind";
  const text = (here.master ? "master" : "mirror") + (here.running ? here.in_sync ? ", in sync" : ", not in sync" : ", node is down");
  return h("span", { class: `cell ${kind} ${health}`, title: `${node}: ${text}`, "aria-label": text }, here.master ? "M" : "");
}

// A mark goes from the old master's cell to the new one's.
function travel(moved) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const columns = [...document.querySelectorAll("table.map th[data-node]")].map((each) => each.dataset.node);
  for (const { queue, from, to } of moved.slice(0, 200)) {
    const row = document.querySelector(`table.map tr[data-queue="${CSS.escape(keyOf(queue))}"]`);
    const cells = row?.querySelectorAll(".cell");
    const [start, end] = [cells?.[columns.indexOf(from)], cells?.[columns.indexOf(to)]].map((each) => each?.getBoundingClientRect());
    if (!start || !end) continue;
    const mark = h("i", { class: "travelling", style: `left:${end.left}px;top:${end.top}px;width:${end.width}px;height:${end.height}px` });
    document.body.append(mark);
    mark.animate([{ transform: `translate(${start.left - end.left}px, ${start.top - end.top}px)`, opacity: 0.9 }, { transform: "none", opacity: 1, offset: 0.8 },
      { transform: "scale(1.6)", opacity: 0 }], { duration: travelMs, easing: "cubic-bezier(.3,.1,.2,1)" }).onfinish = () => mark.remove();
    row.animate([{ backgroundColor: "var(--flash)" }, {}], { duration: 3 * travelMs });
  }
}

function nodeCard(node) {
  return h("a", { class: "node-card " + (node.running ? "up" : "down"), href: "#/nodes/" + path(node.name), key: node.name },
    h("header", {}, h("b", {}, node.name), dot(node.running ? "good" : "bad", node.running ? "running" : "down")),
    h("p", {}, h("span", {}, h("b", {}, number(node.masters)), node.masters === 1 ? " master" : " masters"),
      h("span", {}, h("b", {}, number(node.mirrors)), node.mirrors === 1 ? " mirror" : " mirrors"),
      node.mirrors_behind ? h("span", { class: "bad" }, h("b", {}, number(node.mirrors_behind)), " behind") : null),
    h("p", {}, node.leads_metadata ? badge("leads the metadata", "the node that orders all changes", "accent") : null, node.votes ? null : badge("no vote")));
}

const legend = () => h("p", { class: "map-legend" }, [["master synced", "master", "M"], ["mirror synced", "mirror, in sync", ""], ["mirror behind", "not in sync", ""], ["mirror away", "node is down", ""]]
  .map(([kind, text, letter]) => h("span", {}, h("i", { class: "cell " + kind }, letter), text)));

const newsList = () => h("section", { class: "panel news" }, h("h3", {}, "Since you look"), news.length === 0 ? h("p", { class: "quiet" }, "Nothing has moved.") :
  h("ol", {}, news.map((each) => h("li", { key: each.at + each.name + each.text }, h("time", {}, clock(each.at)), " ", h("b", {}, each.name), " ", each.text))));

export const clusterMap = {
  enter: () => { before.clear(); news.length = 0; },
  paths: (context) => {
    const { only } = listState();
    const more = only === "bad" ? { health: "bad" } : only === "all" ? {} : { replicated: true };
    return [listPath("cluster/queues", "name", 100, more), ...(context.has("monitoring") ? ["cluster/nodes"] : [])];
  },
  view(context, [found, nodes]) {
    const names = [...new Set([...(nodes ?? []).map((each) => each.name), ...found.items.flatMap((each) => each.replicas.map((one) => one.node))])].sort();
    const down = new Set((nodes ?? []).filter((each) => !each.running).map((each) => each.name));
    const moved = changes(found.items);
    if (moved.length) requestAnimationFrame(() => travel(moved));
    const columns = [
      { title: "Queue", key: "name", class: "long", show: (q) => [h("a", { href: "#/queues/" + path(q.vhost, q.name) }, q.name), q.vhost === "/" ? null : h("small", {}, " " + q.vhost)] },
      { title: "Copies", show: (q) => q.epoch ? dot(healthKinds[q.health], words[q.health]) : h("span", { class: "quiet" }, "one copy") },
      { title: "Epoch", key: "epoch", number: true, hint: "rises with every new master", show: (q) => q.epoch ?? "" },
      ...names.map((name) => ({ title: h("span", { class: down.has(name) ? "bad" : "" }, name.replace(/@.*/, "")), class: "node-column", node: name, show: (q) => cell(q, name) })),
    ];
    const list = pagedTable("Cluster map", columns, found, {
      rowKey: keyOf, rowClass: (q) => q.health === "no_master" ? "down" : null, empty: "No queue has copies on other nodes: a policy with ha-mode, or the type quorum, makes some.",
      filters: [choice("Show", listState().only, [["", "queues with copies"], ["all", "all queues"], ["bad", "those that lack something"]], (only) => go({ only }))] });
    const table = list.at(-1).querySelector("table");
    table.classList.add("map");
    table.querySelectorAll("thead th").forEach((each, index) => { if (columns[index].node) { each.dataset.node = columns[index].node; each.title = columns[index].node; } });
    table.querySelectorAll("tbody tr").forEach((each, index) => { if (found.items[index]) each.dataset.queue = keyOf(found.items[index]); });
    return [list[0], nodes ? h("div", { class: "node-cards" }, nodes.map(nodeCard)) : null, list[1], legend(), list[2], newsList()];
  },
};
