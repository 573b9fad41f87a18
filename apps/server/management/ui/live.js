// Keeps answers of the API up to date: by server-sent events, or by asking again every few seconds where they do not
// come through. Nothing is asked while the page is hidden.
import { get } from "./api.js";

const pollMs = 5000;
const patienceMs = 4000; // for the first event of a stream
const retryMs = 30000; // until events are tried again

// Calls show(data) with the latest answer of every path, in order, once all are there and whenever one changes;
// fail(problem) when there is none to be had; state("live" | "polling" | "down") as it goes. Returns {stop, refresh}.
export function watch(paths, { show, fail, state }) {
  const data = paths.map(() => undefined);
  const lastText = paths.map(() => null);
  let source = null, timer = null, retry = null, stopped = false, last = null;

  const tell = (what) => { if (what !== last) { last = what; state(what); } };

  function take(index, status, body) {
    if (stopped) return;
    if (status >= 400) return fail({ status, message: body?.reason ?? "Error " + status, path: paths[index] });
    const text = JSON.stringify(body);
    if (text === lastText[index]) return;
    lastText[index] = text;
    data[index] = body;
    if (data.every((each) => each !== undefined)) show(data);
  }

  async function ask() {
    if (stopped) return;
    try {
      const answers = await Promise.all(paths.map((path) => get(path)));
      answers.forEach((body, index) => take(index, 200, body));
      if (!source) tell("polling");
    } catch (problem) {
      if (stopped) return;
      if (problem.status === 0) tell("down");
      else fail(problem);
    }
  }

  async function poll() {
    await ask();
    if (!stopped && !source) timer = setTimeout(poll, pollMs);
  }

  function giveUp() {
    source?.close();
    source = null;
    clearTimeout(timer);
    if (stopped) return;
    retry = setTimeout(listen, retryMs);
    poll();
  }

  function listen() {
    if (stopped || document.hidden) return;
    clearTimeout(timer);
    clearTimeout(retry);
    const query = new URLSearchParams(paths.map((each) => ["path", each]));
    source = new EventSource("api/events?" + query);
    const patience = setTimeout(giveUp, patienceMs);
    source.onmessage = (event) => {
      clearTimeout(patience);
      tell("live");
      const { path, status, body } = JSON.parse(event.data);
      take(path, status, body);
    };
    source.onerror = () => { clearTimeout(patience); giveUp(); };
  }

  function hideOrShow() {
    if (document.hidden) {
      source?.close();
      source = null;
      clearTimeout(timer);
      clearTimeout(retry);
    } else if (!source) {
      listen();
    }
  }

  document.addEventListener("visibilitychange", hideOrShow);
  listen();
  return {
    refresh: ask,
    stop() {
      stopped = true;
      source?.close();
      clearTimeout(timer);
      clearTimeout(retry);
      document.removeEventListener("visibilitychange", hideOrShow);
    },
  };
}
