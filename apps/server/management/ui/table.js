// Tables, and lists in pages whose filter, order and page live in the address, so that they survive a reload and can be
// passed on.
import { h } from "./dom.js";
import { number } from "./format.js";

// Columns are {title, key, show(row), number, wide, class, hint}; `wide` ones are left out in a narrow window.
// `sorting` is {by, reverse, change(key)} or nothing.
export function table(caption, columns, rows, { sorting, rowClass, rowKey, empty } = {}) {
  const classOf = (column) => [column.number ? "number" : "", column.wide ? "wide" : "", column.class ?? ""].join(" ").trim() || null;
  const head = columns.map((column) => {
    const sorted = sorting && column.key && sorting.by === column.key;
    const title = sorting && column.key
      ? h("button", { type: "button", onclick: () => sorting.change(column.key) }, column.title, h("i", { "aria-hidden": "true" }, sorted ? (sorting.reverse ? " ▾" : " ▴") : ""))
      : column.title;
    return h("th", { scope: "col", class: classOf(column), title: column.hint, "aria-sort": sorted ? (sorting.reverse ? "descending" : "ascending") : null }, title);
  });
  const body = rows.map((row, index) => h("tr", { class: rowClass?.(row), key: rowKey ? rowKey(row) : index },
    columns.map((column) => h("td", { class: classOf(column) }, column.show(row)))));
  if (rows.length === 0) body.push(h("tr", { key: "none" }, h("td", { class: "none", colspan: columns.length }, empty ?? "None.")));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export function listState() {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return { page: Number(query.get("page") ?? 1), name: query.get("name") ?? "", regex: query.get("regex") === "true",
    sort: query.get("sort") ?? "", reverse: query.get("reverse") === "true", vhost: query.get("vhost") ?? "", only: query.get("only") ?? "" };
}

export function go(changes) {
  const next = { ...listState(), page: 1, ...changes };
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(next))
    if (value !== "" && value !== false && !(key === "page" && value === 1)) query.set(key, value);
  location.hash = location.hash.split("?")[0] + (query.size ? "?" + query : "");
}

// The path of the API that has this page of the list.
export function listPath(base, defaultSort = "name", size = 100, more = {}) {
  const now = listState();
  return base + "?" + new URLSearchParams({ page: now.page, page_size: size, sort: now.sort || defaultSort,
    sort_reverse: now.reverse, name: now.name, use_regex: now.regex, ...more });
}

// Filter, counts and pages above the table. `actions` stand at the right.
export function pagedTable(title, columns, found, { rowClass, rowKey, actions = [], filters = [], defaultSort = "name", empty } = {}) {
  const now = listState();
  const by = now.sort || defaultSort;
  let waiting = null;
  const filter = h("input", { type: "search", class: "filter", value: now.name, placeholder: "Filter by name  /", "aria-label": "Filter by name",
    oninput: (event) => { clearTimeout(waiting); const name = event.target.value; waiting = setTimeout(() => go({ name }), 300); } });
  const regex = h("label", { class: "inline" }, h("input", { type: "checkbox", checked: now.regex, onchange: (event) => go({ regex: event.target.checked }) }), "Regex");
  const sorting = { by, reverse: now.reverse, change: (key) => go({ sort: key, reverse: key === by && !now.reverse }) };
  const turn = (label, page, there) => h("button", { type: "button", disabled: !there, onclick: () => go({ page }) }, label);
  return [
    h("div", { class: "title" }, h("h2", {}, title), h("span", { class: "count" }, found.filtered_count === found.total_count
      ? number(found.total_count) : number(found.filtered_count) + " of " + number(found.total_count)),
    h("span", { class: "actions" }, actions)),
    h("div", { class: "bar" }, filter, regex, filters, found.page_count > 1 ? h("span", { class: "pages" }, turn("‹", now.page - 1, now.page > 1),
      "Page " + now.page + " of " + found.page_count, turn("›", now.page + 1, now.page < found.page_count)) : null),
    table(title, columns, found.items, { sorting, rowClass, rowKey, empty: now.name ? "Nothing has such a name." : empty }),
  ];
}

export const choice = (label, value, options, change) => h("label", { class: "inline" }, label,
  h("select", { onchange: (event) => change(event.target.value) }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text))));
