import * as api from "./api.js";
import { button, h, morph, s } from "./dom.js";
import { openText } from "./dialog.js";
import { watch } from "./live.js";
import { go } from "./table.js";
import { admin } from "./admin.js";
import { channels, connection, connections } from "./connections.js";
import { clusterMap } from "./cluster.js";
import { exchange, exchanges } from "./exchanges.js";
import { node } from "./node.js";
import { overview } from "./overview.js";
import { queue } from "./queue.js";
import { queues } from "./queues.js";

// A page is {paths(context), view(context, data)}: what it needs of the API, and what it shows. `detail` pages have
// names behind theirs in the address.
const sections = [
  { name: "overview", title: "Overview", page: overview, icon: "M3 12h4l3-8 4 16 3-8h4", key: "o" },
  { name: "cluster", title: "Cluster map", page: clusterMap, icon: "M6 8a2.500 2.500 0 100-5 2.500 2.500 0 000 5zM18 8a2.500 2.500 0 100-5 2.500 2.500 0 000 5zM12 21a2.500 2.500 0 100-5 2.500 2.500 0 000 5zM8.500 5.500h7M7 8l4 8M17 8l-4 8", key: "m" },
  { name: "queues", title: "Queues", page: queues, detail: queue, icon: "M4 6h16M4 12h16M4 18h10", key: "q" },
  { name: "exchanges", title: "Exchanges", page: exchanges, detail: exchange, icon: "M4 12h6m0 0l8-6m-8 6l8 6", key: "x" },
  { name: "connections", title: "Connections", page: connections, detail: connection, icon: "M9 7H6a5 5 0 000 10h3m6-10h3a5 5 0 010 10h-3M8 12h8", key: "c" },
  { name: "channels", title: "Channels", page: channels, icon: "M4 8h16M4 16h16M8 4v16M16 4v16", key: "h" },
  { name: "admin", title: "Admin", page: admin, icon: "M12 12a4 4 0 100-8 4 4 0 000 8zm-8 8c1-4 4-6 8-6s7 2 8 6", key: "a" },
];
const main = document.querySelector("main");
const notice = document.querySelector(".notice");
let running = null; // what keeps the page up to date
let place = null; // address of the page, without filter and order

export function say(text, bad = false) {
  notice.replaceChildren(text);
  notice.classList.toggle("bad", bad);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => notice.replaceChildren(), bad ? 8000 : 4000);
}

// Does something, says how it went, and asks anew for what the page shows.
async function act(what, done) {
  try {
    await what();
    if (done) say(done);
    if (location.hash.split("?")[0] === place) await running?.refresh(); // it may have led elsewhere
  } catch (problem) {
    say(problem.message, true);
  }
}

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decodeURIComponent);
  if (name === "nodes" && rest.length === 1) return { name: "overview", page: node, rest };
  const section = sections.find((each) => each.name === name) ?? sections[0];
  const detail = rest.length && section.detail && rest.every((each) => each !== "");
  return { name: section.name, title: section.title, page: detail ? section.detail : section.page, rest };
}

const icon = (path) => s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, s("path", { d: path }));

function showFrame(current) {
  morph(document.querySelector("nav"), sections.map((each) => h("a", { key: each.name, href: "#/" + each.name,
    title: "g " + each.key, "aria-current": each.name === current ? "page" : null }, icon(each.icon), h("span", {}, each.title))));
  const user = api.who();
  morph(document.querySelector(".who"), user ? [h("span", { class: "user", title: user.tags.join(", ") }, user.name),
    button("Log out", () => leave()), button("◐", nextTheme, "quiet theme"), button("?", showHelp, "quiet help")] : []);
}

const themes = ["auto", "light", "dark"];
function applyTheme() {
  const theme = localStorage.getItem("theme") ?? "auto";
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}
function nextTheme() {
  const next = themes[(themes.indexOf(localStorage.getItem("theme") ?? "auto") + 1) % themes.length];
  localStorage.setItem("theme", next);
  applyTheme();
  say("Colours: " + (next === "auto" ? "as the system has them" : next));
}

function showHelp() {
  openText("Keys", h("dl", { class: "keys" }, sections.map((each) => h("div", {}, h("dt", {}, h("kbd", {}, "g"), " ", h("kbd", {}, each.key)), h("dd", {}, each.title))),
    h("div", {}, h("dt", {}, h("kbd", {}, "/")), h("dd", {}, "Filter")), h("div", {}, h("dt", {}, h("kbd", {}, "n")), h("dd", {}, "Add")),
    h("div", {}, h("dt", {}, h("kbd", {}, "Esc")), h("dd", {}, "Close")), h("div", {}, h("dt", {}, h("kbd", {}, "?")), h("dd", {}, "These keys"))));
}

// In a narrow window: what is chosen is seen.
function showChosen() {
  for (const bar of document.querySelectorAll("nav, .tabs")) {
    const chosen = bar.querySelector("[aria-current]");
    if (chosen) bar.scrollLeft += chosen.getBoundingClientRect().left - bar.getBoundingClientRect().left - (bar.clientWidth - chosen.offsetWidth) / 2;
  }
}

function stop() {
  running?.stop();
  running = null;
}

function showLogin(reason) {
  stop();
  place = null;
  document.querySelectorAll("dialog").forEach((each) => each.close());
  document.body.classList.add("outside");
  document.title = "Warren";
  showFrame(null);
  const problem = h("p", { class: "problem", role: "alert" }, reason);
  const form = h("form", { class: "login panel", onsubmit: async (event) => {
    event.preventDefault();
    const { username, password, send } = event.target.elements;
    send.disabled = true;
    problem.textContent = "";
    try {
      await api.logIn(username.value, password.value);
      show();
    } catch (why) {
      problem.textContent = why.message;
      password.value = "";
      password.focus();
    } finally { send.disabled = false; }
  } }, h("img", { src: "icon.svg", alt: "", width: 44, height: 44 }), h("h1", {}, "Warren"),
  h("label", {}, h("span", {}, "User"), h("input", { name: "username", autocomplete: "username", required: true })),
  h("label", {}, h("span", {}, "Password"), h("input", { name: "password", type: "password", autocomplete: "current-password", required: true })),
  problem, h("button", { class: "main", name: "send" }, "Log in"));
  main.replaceChildren(form);
  form.elements.username.focus();
}

async function leave() {
  stop(); // what keeps the page up to date would find the session gone
  try { await api.logOut(); } catch { /* the node does not answer; the page forgets the session all the same */ }
  showLogin();
}

function show() {
  if (!api.who()) return showLogin();
  stop();
  document.body.classList.remove("outside");
  const { name, title, page, rest } = route();
  const here = location.hash.split("?")[0];
  const moved = here !== place;
  place = here;
  showFrame(name);
  document.title = [rest.at(-1) || title, "Warren"].filter(Boolean).join(" · ");
  const context = { names: rest, say, act, has: api.has, refresh: () => running?.refresh(), restart: show };
  let first = true;
  const draw = (data) => {
    document.body.classList.remove("stale");
    morph(main, [page.view(context, data)]);
    if (first && moved) showChosen();
    first = false;
  };
  if (moved) { // another order or filter of the same list leaves what is typed into alone
    document.querySelectorAll("dialog").forEach((each) => each.close());
    main.replaceChildren(h("p", { class: "loading" }, "Loading…"));
    window.scrollTo(0, 0);
    page.enter?.(context);
  }
  running = watch(page.paths(context), { show: draw, fail: (problem) => fail(problem), state: showState });
}

function fail(problem) {
  if (problem.status === 401 && !api.who()) return;
  if (problem.status === 401 && problem.message === "Login failed") { api.forget(); return showLogin("Your session has ended."); }
  if (problem.status === 400 && /page out of range/i.test(problem.message)) return go({});
  if (problem.status === 400 && main.querySelector("input.filter")) return say(problem.message, true); // an expression that is not finished yet
  stop();
  place = null;
  morph(main, [h("div", { class: "panel problem-page", role: "alert" }, h("h2", {}, problem.status === 404 ? "Not there (any more)" : "That did not work"),
    h("p", {}, problem.message), button("Try again", show, "main"))]);
}

function showState(what) {
  const words = { live: "Live", polling: "Every 5 s", down: "The node does not answer" };
  morph(document.querySelector(".live"), [h("span", { class: "state " + { live: "good", polling: "warn", down: "bad" }[what] }, h("i", { class: "dot" }), words[what])]);
  document.body.classList.toggle("stale", what === "down");
}

let prefix = false;
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !api.who() || document.querySelector("dialog[open]")) return;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) { if (event.key === "Escape") event.target.blur(); return; }
  const section = prefix ? sections.find((each) => each.key === event.key) : null;
  prefix = event.key === "g";
  if (section) { location.hash = "#/" + section.name; event.preventDefault(); }
  else if (event.key === "?") showHelp();
  else if (event.key === "/") { main.querySelector("input.filter")?.focus(); event.preventDefault(); }
  else if (event.key === "n") { const add = main.querySelector("button.add"); add?.focus(); add?.click(); event.preventDefault(); }
}

applyTheme();
document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", () => {
  const before = place;
  show();
  if (place !== before) main.focus({ preventScroll: true });
});
api.onEnd((reason) => showLogin(reason));
api.resume().then(show, (problem) => { showLogin(problem.message); });
