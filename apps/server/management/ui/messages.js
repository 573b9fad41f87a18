// Publishing to an exchange, and looking at what is in a queue: without taking anything from it, or by taking it.
import { get, path, post } from "./api.js";
import { badge, button, h, morph, pairs } from "./dom.js";
import { form, openForm, openText } from "./dialog.js";
import { bytes, number } from "./format.js";

export function publishForm(context, vhost, exchange, routingKey) {
  openForm(exchange ? "Publish to " + exchange : "Publish to the queue", [
    { name: "key", label: "Routing key", value: routingKey },
    { name: "mode", label: "Kept", options: [["2", "persistent: survives restarts"], ["1", "transient"]] },
    { name: "payload", label: "Payload", type: "textarea" },
    { name: "headers", label: "Headers", type: "json", rows: 2 },
    { name: "properties", label: "Properties", type: "json", rows: 2, presets: [["content type", "content_type", "application/json"], ["correlation id", "correlation_id", ""],
      ["reply to", "reply_to", ""], ["expiration (ms)", "expiration", "60000"], ["priority", "priority", 5], ["message id", "message_id", ""], ["type", "type", ""]] }], "Publish",
  async (v) => {
    const properties = { ...v.properties, delivery_mode: Number(v.mode), headers: v.headers };
    const done = await post(path("exchanges", vhost, exchange || "amq.default", "publish"), { properties, routing_key: v.key, payload: v.payload, payload_encoding: "string" });
    context.say(done.routed ? "Message published" : "Published, but no queue took the message", !done.routed);
    context.refresh();
  });
}

function payload(message) {
  let text = message.payload;
  const cut = message.payload_encoding === "string" && new TextEncoder().encode(text).length < message.payload_bytes;
  if (!cut && message.payload_encoding === "string" && /^\s*[[{]/.test(text))
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it only looks like JSON */ }
  return [h("pre", {}, text), cut ? h("small", {}, "The beginning of " + bytes(message.payload_bytes)) : null];
}

function shownMessage(message, index) {
  const properties = Object.entries(Array.isArray(message.properties) ? {} : message.properties).filter(([key]) => key !== "headers");
  const headers = Object.entries(message.properties.headers ?? {});
  return h("li", { class: "message", key: index }, h("header", {}, h("b", {}, "#" + number(message.position ?? index + 1)),
    h("span", {}, "exchange ", h("code", {}, message.exchange || "(default)")), h("span", {}, "key ", h("code", {}, message.routing_key)), h("span", {}, bytes(message.payload_bytes)),
    message.redelivered ? badge("redelivered", "it was handed out before", "warn") : null, message.payload_encoding === "base64" ? badge("base64", "no text") : null),
  payload(message), properties.length ? pairs(properties.map(([key, value]) => [key, String(value)])) : null,
  headers.length ? [h("small", {}, "Headers"), pairs(headers.map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)]))] : null);
}

const shownMessages = (all) => h("ol", { class: "messages" }, all.map(shownMessage));

// Looks into the queue; whatever is seen stays where it is and as it is.
export function browser(base) {
  const pageSize = 20;
  const list = h("div", {});
  let from = 0, filter = "";
  async function look() {
    try {
      const found = await get(base + "/messages?" + new URLSearchParams({ offset: from, count: pageSize, truncate: 20000, ...(filter ? { contains: filter } : {}) }));
      const end = from + found.looked_at;
      morph(list, [h("p", { class: "bar" }, h("span", {}, found.ready === 0 ? "The queue is empty." : `Messages ${number(from + 1)} to ${number(end)} of ${number(found.ready)}`
        + (filter ? `, ${found.messages.length} of them with “${filter}”` : "")),
      button("‹ Earlier", () => { from = Math.max(0, from - pageSize); look(); }, from === 0 ? "hidden" : ""),
      button("Later ›", () => { from = end; look(); }, end >= found.ready ? "hidden" : ""), button("Look again", look)), shownMessages(found.messages)]);
    } catch (problem) { morph(list, [h("p", { class: "problem", role: "alert" }, problem.message)]); }
  }
  const search = h("input", { type: "search", placeholder: "Only with this text", "aria-label": "Only with this text",
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); filter = event.target.value; from = 0; look(); } } });
  const dialog = openText("What waits in the queue", h("p", { class: "hint" }, "Nothing is taken: messages keep their place, and are not marked as redelivered. "),
    h("div", { class: "bar" }, search), list);
  dialog.classList.add("large");
  look();
}

const modes = [["ack_requeue_true", "put back (marked as redelivered)"], ["ack_requeue_false", "gone: acknowledged"], ["reject_requeue_false", "gone: rejected, perhaps dead-lettered"]];

export function getForm(context, base) {
  const list = h("div", {});
  const dialog = openText("Get messages", form([
    { name: "mode", label: "Afterwards they are", options: modes }, { name: "count", label: "Messages", type: "number", value: 1, min: 1 },
    { name: "encoding", label: "Payload", options: [["auto", "text, or base64"], ["base64", "base64"]] }], "Get",
  async (v) => {
    const found = await post(base + "/get", { ackmode: v.mode, count: v.count, encoding: v.encoding, truncate: 50000 });
    morph(list, [found.length ? shownMessages(found) : h("p", {}, "The queue is empty.")]);
    context.refresh();
  }), list);
  dialog.classList.add("large");
}
