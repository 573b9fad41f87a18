// Lists in pages: filter, order and page live in the address, so that they survive a reload and can be passed on.
import { get } from "./api.js";
import { h, table } from "./dom.js";

function state() {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return { page: Number(query.get("page") ?? 1), name: query.get("name") ?? "", regex: query.get("regex") === "true",
    sort: query.get("sort") ?? "name", reverse: query.get("reverse") === "true" };
}

function go(changes) {
  const next = { ...state(), page: 1, ...changes };
  const query = new URLSearchParams();
  if (next.page > 1) query.set("page", next.page);
  if (next.name) query.set("name", next.name);
  if (next.regex) query.set("regex", "true");
  if (next.sort !== "name") query.set("sort", next.sort);
  if (next.reverse) query.set("reverse", "true");
  location.hash = location.hash.split("?")[0] + (query.size ? "?" + query : "");
}

export async function pagedTable(context, title, path, columns, rowClass) {
  const now = state();
  const query = new URLSearchParams({ page: now.page, page_size: 100, sort: now.sort, sort_reverse: now.reverse,
    name: now.name, use_regex: now.regex });
  const found = await get(path + "?" + query);
  const filter = h("input", { type: "search", value: now.name, placeholder: "Filter by name", "aria-label": "Filter by name", "data-key": "filter",
    onchange: (event) => go({ name: event.target.value }) });
  const regex = h("input", { type: "checkbox", checked: now.regex, onchange: (event) => go({ regex: event.target.checked }) });
  const turn = (label, page, there) => h("button", { type: "button", disabled: !there, onclick: () => go({ page }) }, label);
  const sorting = { by: now.sort, reverse: now.reverse,
    change: (key) => go({ sort: key, reverse: key === now.sort && !now.reverse }) };
  return [
    h("h2", {}, title),
    h("div", { class: "bar" }, filter, h("label", { class: "inline" }, regex, "Regular expression"),
      h("span", {}, found.filtered_count + " of " + found.total_count),
      found.page_count > 1 ? [turn("Previous", now.page - 1, now.page > 1), "page " + now.page + " of " + found.page_count,
        turn("Next", now.page + 1, now.page < found.page_count)] : null),
    table(title, columns, found.items, sorting, rowClass),
  ];
}
