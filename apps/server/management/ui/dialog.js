// Forms and questions, in dialogs that the browser keeps the keyboard in.
import { button, h } from "./dom.js";

function open(content, className) {
  const before = document.activeElement;
  const box = h("dialog", { class: className ?? "", onclose: () => { box.remove(); before?.focus?.(); },
    onclick: (event) => { if (event.target === box) box.close(); } }, content);
  document.body.append(box);
  box.showModal();
  return box;
}

// True when it is confirmed. What cannot be undone is in red.
export function ask(title, text, action, kind = "danger main") {
  return new Promise((decided) => {
    let answer = false;
    const box = open([h("h3", {}, title), h("p", {}, text), h("div", { class: "buttons" },
      button("Cancel", () => box.close()), button(action, () => { answer = true; box.close(); }, kind))], "small");
    box.addEventListener("close", () => decided(answer));
    box.querySelector("button.main").focus();
  });
}

function control(field) {
  if (field.options)
    return h("select", { name: field.name }, field.options.map((each) => {
      const [value, text] = Array.isArray(each) ? each : [each, each];
      return h("option", { value, selected: value === field.value }, text);
    }));
  if (field.type === "json" || field.type === "textarea")
    return h("textarea", { name: field.name, rows: field.rows ?? 4, spellcheck: "false", value: field.value ?? (field.type === "json" ? "{}" : "") });
  if (field.type === "checkbox") return h("input", { name: field.name, type: "checkbox", checked: field.value === true });
  return h("input", { name: field.name, type: field.type ?? "text", required: field.required, autocomplete: field.type === "password" ? "new-password" : "off",
    min: field.min, value: field.value ?? "", list: field.suggestions ? "list-" + field.name : null });
}

// Known keys, added to a JSON text by a click.
function presets(field, input) {
  const add = (key, value) => {
    let object = {};
    try { object = JSON.parse(input.value || "{}"); } catch { /* what was there is no JSON: it is replaced */ }
    input.value = JSON.stringify({ ...object, [key]: value }, null, 1);
    input.focus();
  };
  return h("span", { class: "presets" }, field.presets.map(([label, key, value]) => button(label, () => add(key, value))));
}

function labelled(field) {
  const input = control(field);
  const hint = field.hint ? h("small", {}, field.hint) : null;
  if (field.type === "checkbox") return h("label", { class: "inline" }, input, field.label, hint);
  return h("div", { class: field.type === "json" || field.type === "textarea" ? "field full" : "field" }, h("label", {}, h("span", {}, field.label), input), hint,
    field.suggestions ? h("datalist", { id: "list-" + field.name }, field.suggestions.map((each) => h("option", { value: each }))) : null,
    field.presets ? presets(field, input) : null);
}

function valuesOf(fields, elements) {
  const values = {};
  for (const field of fields) {
    const input = elements[field.name];
    if (field.type === "checkbox") values[field.name] = input.checked;
    else if (field.type === "number") values[field.name] = Number(input.value);
    else if (field.type === "json") {
      try { values[field.name] = JSON.parse(input.value || "{}"); } catch (problem) { throw new Error(field.label + ": " + problem.message); }
    } else values[field.name] = input.value;
  }
  return values;
}

// The elements of a form of `fields`; `submit` gets their values and may fail with a message, which is shown.
export function form(fields, action, submit, cancel) {
  const problem = h("p", { class: "problem", role: "alert" });
  return h("form", { onsubmit: async (event) => {
    event.preventDefault();
    problem.textContent = "";
    const send = event.target.querySelector("button.main");
    send.disabled = true;
    try { await submit(valuesOf(fields, event.target.elements)); } catch (why) { problem.textContent = why.message; } finally { send.disabled = false; }
  } }, h("div", { class: "fields" }, fields.map(labelled)), problem,
  h("div", { class: "buttons" }, cancel ? button("Cancel", cancel) : null, h("button", { class: "main" }, action)));
}

export function openForm(title, fields, action, submit) {
  const box = open([h("h3", {}, title), form(fields, action, async (values) => { await submit(values); box.close(); }, () => box.close())]);
  box.querySelector("input, select, textarea")?.focus();
  return box;
}

export const openText = (title, ...content) => open([h("h3", {}, title), content, h("div", { class: "buttons" }, button("Close", () => document.querySelector("dialog[open]").close()))]);
