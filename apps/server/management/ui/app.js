import * as api from "./api.js";
import { h } from "./dom.js";
import { admin } from "./admin.js";
import { channels, connections, exchange, exchanges } from "./traffic.js";
import { overview } from "./overview.js";
import { queue, queues } from "./queues.js";

const sections = [
  ["overview", "Overview", overview], ["connections", "Connections", connections], ["channels", "Channels", channels],
  ["exchanges", "Exchanges", exchanges], ["queues", "Queues", queues], ["admin", "Admin", admin],
];
const refreshMs = 5000;

const main = document.querySelector("main");
const notice = document.querySelector(".notice");
let who = null;
let turn = 0; // rises with every page: a late answer for an earlier one is dropped
let timer = null;

export function say(text, bad = false) {
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { notice.textContent = ""; }, 6000);
}

// Does something, says how it went, and shows the page anew.
export async function act(what, done) {
  try {
    await what();
    if (done) say(done);
    await show();
  } catch (problem) {
    say(problem.message, true);
  }
}

function currentPage() {
  const parts = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decodeURIComponent);
  const [name, ...rest] = parts;
  if (name === "queues" && rest.length === 2) return [name, (context) => queue(context, ...rest)];
  if (name === "exchanges" && rest.length === 2) return [name, (context) => exchange(context, ...rest)];
  const section = sections.find((each) => each[0] === name) ?? sections[0];
  return [section[0], section[2]];
}

function showNavigation(current) {
  document.querySelector("nav").replaceChildren(...sections.map(([name, title]) =>
    h("a", { href: "#/" + name, "aria-current": name === current ? "page" : null }, title)));
  document.querySelector(".who").replaceChildren(...(who ? [who.name + " (" + who.tags.join(", ") + ") ",
    h("button", { type: "button", onclick: () => { api.logOut(); who = null; show(); } }, "Log out")] : []));
}

function showLogin(reason) {
  clearTimeout(timer);
  document.querySelector("nav").replaceChildren();
  document.querySelector(".who").replaceChildren();
  const user = h("input", { name: "username", autocomplete: "username", required: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  main.replaceChildren(h("form", {
    class: "panel login",
    onsubmit: (event) => { event.preventDefault(); api.logIn(user.value, password.value); show(); },
  }, h("h2", {}, "Log in"), h("label", {}, "User", user), h("label", {}, "Password", password),
  h("button", { class: "main" }, "Log in"), reason ? h("p", { class: "bad", role: "alert" }, reason) : null));
  user.focus();
}

// A page that somebody types into, or looks into, is not pulled away from under them.
function busy() {
  const active = document.activeElement;
  return document.querySelector("main details[open]") !== null
    || (active && ["INPUT", "TEXTAREA", "SELECT"].includes(active.tagName));
}

async function show() {
  const mine = ++turn;
  clearTimeout(timer);
  if (!api.loggedIn()) return showLogin();
  try {
    who ??= await api.get("whoami");
    const [name, page] = currentPage();
    const context = { who, say, act, refresh: show, tag: (tag) => who.tags.includes(tag) || who.tags.includes("administrator") };
    const content = await page(context);
    if (mine !== turn) return;
    showNavigation(name);
    document.title = "Warren: " + name;
    const position = window.scrollY;
    const focused = document.activeElement?.dataset?.key;
    main.replaceChildren(...[content].flat());
    window.scrollTo(0, position);
    if (focused) main.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.status === 401 && who === null) { api.logOut(); return showLogin(problem.message); }
    if (problem.status === 429) { api.logOut(); who = null; return showLogin(problem.message); }
    if (problem.status === undefined) say("The node does not answer. Trying again.", true);
    else main.replaceChildren(h("p", { class: "bad", role: "alert" }, problem.message));
  }
  timer = setTimeout(tick, refreshMs);
}

function tick() {
  if (busy() || document.hidden) timer = setTimeout(tick, 1000);
  else show();
}

window.addEventListener("hashchange", () => { show().then(() => main.focus({ preventScroll: true })); });
show();
