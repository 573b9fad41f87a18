// Virtual hosts, definitions, and the cluster's name.
import { get, path, post, put } from "./api.js";
import { badge, button, h, panel } from "./dom.js";
import { ask, form, openForm } from "./dialog.js";
import { dropButton, title } from "./admin_parts.js";
import { number } from "./format.js";
import { table } from "./table.js";

function vhostForm(context) {
  openForm("Add a virtual host", [{ name: "name", label: "Name", required: true }, { name: "description", label: "Description" }, { name: "tags", label: "Tags", hint: "separated by commas" }], "Add virtual host",
  async (v) => { await put(path("vhosts", v.name), { description: v.description, tags: v.tags }); context.say("Virtual host added"); context.refresh(); });
}

export const vhosts = {
  paths: () => ["vhosts"],
  view: (context, [all]) => [
    title("Virtual hosts", all.length, button("Add virtual host", () => vhostForm(context), "main add")),
    table("Virtual hosts", [
      { title: "Name", class: "long", show: (v) => h("b", {}, v.name) }, { title: "Description", class: "long", show: (v) => v.description }, { title: "Tags", show: (v) => v.tags.map((each) => badge(each)) },
      { title: "Ready", number: true, show: (v) => number(v.messages_ready) }, { title: "Unacked", number: true, show: (v) => number(v.messages_unacknowledged) }, { title: "Tracing", show: (v) => v.tracing ? "on" : "off" },
      { title: "", show: (v) => h("span", { class: "row-actions" }, button(v.tracing ? "Stop tracing" : "Trace", () => context.act(() => put(path("vhosts", v.name), { description: v.description, tags: v.tags.join(","), tracing: !v.tracing }), "Done"), "quiet"),
        dropButton(context, "Delete", "Delete the virtual host?", "Everything in " + v.name + " goes: queues, exchanges, messages, permissions.", "vhosts", v.name)) },
    ], all, { rowKey: (v) => v.name })],
};

async function download(vhost) {
  const all = await get(vhost ? path("definitions", vhost) : "definitions");
  const address = URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }));
  const link = h("a", { href: address, download: `warren-definitions-${new Date().toISOString().slice(0, 10)}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const counted = (count, names) => count + " " + (count === 1 ? names.replace(/ies$/, "y").replace(/s$/, "") : names);

async function upload(context, file) {
  if (!file) return context.say("Choose a file first", true);
  let all;
  try { all = JSON.parse(await file.text()); } catch (problem) { return context.say("That file is no JSON: " + problem.message, true); }
  const counts = Object.entries(all ?? {}).filter(([, value]) => Array.isArray(value) && value.length).map(([name, value]) => counted(value.length, name.replaceAll("_", " "))).join(", ");
  if (!counts) return context.say("That file holds no definitions.", true);
  if (await ask("Import these definitions?", counts + ". What is there already and differs is an error; nothing is deleted.", "Import", "main")) context.act(() => post("definitions", all), "Definitions imported: " + counts);
}

export const definitions = {
  paths: () => ["vhosts?columns=name"],
  view(context, [places]) {
    const file = h("input", { type: "file", accept: ".json,application/json", "aria-label": "File with definitions" });
    return [title("Definitions", "", null), h("div", { class: "columns" },
      panel("Export", h("p", {}, "Users, virtual hosts, permissions, policies, queues, exchanges and bindings, without messages, as a file that RabbitMQ reads too."),
        h("div", { class: "buttons start" }, button("Export everything", () => context.act(() => download(), "Exported"), "main"), places.length > 1 ? places.map((each) => button(each.name, () => context.act(() => download(each.name), "Exported"))) : null)),
      panel("Import", h("p", {}, "A file that this page, RabbitMQ or a tool has written."), file,
        h("div", { class: "buttons start" }, button("Import", () => upload(context, document.querySelector('input[type="file"]').files[0]))))) ];
  },
};

export const cluster = {
  paths: () => ["cluster-name", "feature-flags"],
  view: (context, [name, flags]) => [title("Cluster", "", null), h("div", { class: "columns" },
    panel("Name", form([{ name: "name", label: "Name of the cluster", required: true, value: name.name }], "Rename", async (v) => { await put("cluster-name", { name: v.name }); context.say("Renamed"); context.refresh(); })),
    panel("Feature flags", h("p", {}, flags.map((each) => badge(each.name, each.state, each.state === "enabled" ? "" : "warn")))))],
};
