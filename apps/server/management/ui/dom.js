// Elements from values. Names and texts of the broker only ever become text nodes, never markup.

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
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

const svgNamespace = "http://www.w3.org/2000/svg";
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  append(element, children);
  return element;
}

export function number(value) {
  return value === undefined || value === null ? "" : Number(value).toLocaleString("en-US");
}
export function rate(value) {
  if (value === undefined || value === null) return "";
  return (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")) + "/s";
}
export function bytes(value) {
  if (value === undefined || value === null) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; ++at; }
  return (at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)) + " " + units[at];
}
export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const parts = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const shown = [];
  let left = seconds;
  for (const [unit, size] of parts) {
    if (left >= size && shown.length < 2) shown.push(Math.floor(left / size) + unit);
    left %= size;
  }
  return shown.join(" ") || "0s";
}

// A table: columns are {title, key, show(row), number, long}. `sorting` is {by, reverse, change(key)} or nothing.
export function table(caption, columns, rows, sorting, rowClass) {
  const head = columns.map((column) => {
    const sorted = sorting && sorting.by === column.key && column.key;
    const title = sorting && column.key
      ? h("button", { type: "button", onclick: () => sorting.change(column.key) }, column.title, sorted ? (sorting.reverse ? " ▼" : " ▲") : "")
      : column.title;
    return h("th", { scope: "col", class: column.number ? "number" : null,
      "aria-sort": sorted ? (sorting.reverse ? "descending" : "ascending") : null }, title);
  });
  const body = rows.map((row) => h("tr", { class: rowClass ? rowClass(row) : null },
    columns.map((column) => h("td", { class: column.number ? "number" : column.long ? "long" : null }, column.show(row)))));
  if (rows.length === 0) body.push(h("tr", {}, h("td", { colspan: columns.length }, "None.")));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export function card(title, value) {
  return h("div", { class: "card" }, h("b", {}, value), h("span", {}, title));
}

// A form of fields {name, label, type, value, options, required}; `submit` gets {name: value}.
export function form(title, fields, action, submit) {
  const inputs = fields.map((field) => {
    let input;
    if (field.options) input = h("select", { name: field.name }, field.options.map((o) => h("option", { value: o }, o)));
    else if (field.type === "textarea") input = h("textarea", { name: field.name });
    else input = h("input", { name: field.name, type: field.type ?? "text", required: field.required, checked: field.value === true, autocomplete: "off" });
    if (field.value !== undefined && field.type !== "checkbox") input.value = field.value;
    return h("label", { class: field.type === "checkbox" ? "inline" : null }, field.label, input);
  });
  return h("details", {}, h("summary", {}, title), h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const values = {};
      for (const field of fields) {
        const input = event.target.elements[field.name];
        values[field.name] = field.type === "checkbox" ? input.checked : input.value;
      }
      submit(values, event.target);
    },
  }, h("div", { class: "fields" }, inputs), h("button", { class: "main" }, action)));
}

// Lines over time: series are {label, points: [[ms, value]]}, oldest first.
export function chart(title, series, show) {
  const width = 400, height = 140, left = 6, top = 18;
  const all = series.flatMap((each) => each.points);
  const box = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  if (all.length > 1) {
    const times = all.map((p) => p[0]), most = Math.max(1, ...all.map((p) => p[1]));
    const from = Math.min(...times), to = Math.max(...times);
    const x = (t) => left + (width - 2 * left) * (to === from ? 0 : (t - from) / (to - from));
    const y = (v) => height - 4 - (height - 4 - top) * v / most;
    box.append(s("line", { class: "axis", x1: left, x2: width - left, y1: y(0), y2: y(0) }),
      s("text", { x: left, y: 12 }, show(most)));
    series.forEach((each, i) => box.append(s("path", { class: "c" + i,
      d: each.points.map((p, n) => (n ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1)).join("") })));
  }
  return h("div", { class: "card chart" }, h("h3", {}, title), box, h("div", { class: "legend" },
    series.map((each, i) => h("span", {}, h("span", { class: "c" + i, "aria-hidden": "true" }, "■ "), each.label, " ",
      each.points.length ? show(each.points[each.points.length - 1][1]) : ""))));
}
