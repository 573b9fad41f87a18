// Elements from values. Names and texts of the broker only ever become text nodes and attributes, never markup.
// `morph` brings what is shown to what shall be shown and leaves alone what has not changed: focus, selection, what
// somebody has typed, how far a list is scrolled.

const handlers = Symbol("handlers");
const keyOf = Symbol("key");
const given = Symbol("given");
const svgNamespace = "http://www.w3.org/2000/svg";

function dispatch(event) {
  this[handlers]?.[event.type]?.call(this, event);
}

function listen(element, type, handler) {
  element[handlers] ??= {};
  if (!(type in element[handlers])) element.addEventListener(type, dispatch);
  element[handlers][type] = handler;
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) listen(element, name.slice(2), value);
    else if (name === "key") element[keyOf] = value;
    else if (name === "value") element.value = element[given] = value;
    else if (name === "style") element.style.cssText = value; // the way that the content security policy leaves open
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => build(document.createElementNS(svgNamespace, tag), attributes, children);

const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && one[keyOf] === other[keyOf];

function syncAttributes(have, next) {
  const switched = ["checked", "selected"].filter((name) => have.hasAttribute(name) !== next.hasAttribute(name));
  for (const { name } of [...have.attributes])
    if (!next.hasAttribute(name) && name !== "open" && name !== "style") have.removeAttribute(name);
  for (const { name, value } of next.attributes)
    if (name !== "style" && name !== "open" && have.getAttribute(name) !== value) have.setAttribute(name, value);
  for (const name of switched) have[name] = next.hasAttribute(name);
  if (have.style && have.style.cssText !== next.style.cssText) have.style.cssText = next.style.cssText;
  if (have[given] !== next[given]) {
    have[given] = next[given];
    if (document.activeElement !== have) have.value = next[given] ?? "";
  }
  for (const [type, handler] of Object.entries(next[handlers] ?? {})) listen(have, type, handler);
}

function sync(have, next) {
  if (have.nodeType === Node.TEXT_NODE) {
    if (have.data !== next.data) have.data = next.data;
    return;
  }
  syncAttributes(have, next);
  morph(have, next.childNodes);
}

// Makes `fresh` the children of `parent`. Children with a key are found again wherever they have gone.
export function morph(parent, fresh) {
  const nodes = [];
  const collect = (all) => { for (const each of all) Array.isArray(each) ? collect(each)
    : each instanceof Node ? nodes.push(each) : each || each === 0 ? nodes.push(document.createTextNode(String(each))) : null; };
  collect(fresh);
  const keyed = new Map();
  for (const child of parent.childNodes) if (child[keyOf] !== undefined) keyed.set(child[keyOf], child);
  let at = parent.firstChild;
  const isPast = (next) => at?.nextSibling && at[keyOf] === undefined && !alike(at, next) && alike(at.nextSibling, next)
    && at.nextSibling.className === next.className;
  for (const next of nodes) {
    if (isPast(next)) { const gone = at; at = at.nextSibling; gone.remove(); }
    const found = next[keyOf] !== undefined ? keyed.get(next[keyOf]) : at;
    if (!found || !alike(found, next)) { parent.insertBefore(next, at); continue; }
    if (found === at) at = at.nextSibling;
    else parent.insertBefore(found, at);
    sync(found, next);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}

// -- small parts that many pages have --

export const badge = (text, title, kind) => h("span", { class: "badge " + (kind ?? ""), title }, text);
export const dot = (kind, text) => h("span", { class: "state " + kind }, h("i", { class: "dot", "aria-hidden": "true" }), text);
export const button = (label, onclick, kind) => h("button", { type: "button", class: kind, onclick }, label);

// How much of a limit is used; red from nine tenths on.
export function meter(used, limit, text) {
  const part = limit > 0 ? Math.min(1, used / limit) : 0;
  const kind = part >= 0.9 ? "bad" : part >= 0.7 ? "warn" : "good";
  return h("span", { class: "meter " + kind }, h("span", { class: "track" }, h("i", { style: `width:${(part * 100).toFixed(1)}%` })),
    h("span", {}, text));
}

export const pairs = (entries) => h("dl", { class: "pairs" }, entries.filter((each) => each).map(([name, value]) =>
  h("div", {}, h("dt", {}, name), h("dd", {}, value))));
export const panel = (title, ...content) => h("section", { class: "panel" }, title ? h("h3", {}, title) : null, content);
export const json = (value) => h("code", { class: "json" }, JSON.stringify(value));
