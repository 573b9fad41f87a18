// What the parts of the administration have in common.
import { path, remove } from "./api.js";
import { ask } from "./dialog.js";
import { button, h } from "./dom.js";

export const title = (text, count, action) => h("div", { class: "title" }, h("h2", {}, text), h("span", { class: "count" }, count), h("span", { class: "actions" }, action));

// Asks, and deletes.
export function dropButton(context, label, question, text, ...where) {
  return button(label, async () => { if (await ask(question, text, label)) context.act(() => remove(path(...where)), "Done"); }, "quiet danger");
}
