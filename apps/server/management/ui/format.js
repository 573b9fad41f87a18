// Numbers as people read them.

export function number(value) {
  return value === undefined || value === null ? "" : Number(value).toLocaleString("en-US");
}

// Short, for places where every digit costs: 1,234 -> 1.2k
export function short(value) {
  if (value === undefined || value === null) return "";
  const units = ["", "k", "M", "G", "T"];
  let at = 0;
  while (Math.abs(value) >= 1000 && at < units.length - 1) { value /= 1000; ++at; }
  return (at === 0 ? Math.round(value * 10) / 10 : value >= 100 ? Math.round(value) : value.toFixed(1)) + units[at];
}

export function rate(value) {
  if (value === undefined || value === null) return "";
  return (value === 0 ? "0" : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")) + "/s";
}

export function bytes(value) {
  if (value === undefined || value === null) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; ++at; }
  return (at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)) + " " + units[at];
}

export function duration(ms) {
  const parts = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const shown = [];
  let left = Math.floor(ms / 1000);
  for (const [unit, size] of parts) {
    if (left >= size && shown.length < 2) shown.push(Math.floor(left / size) + unit);
    left %= size;
  }
  return shown.join(" ") || "0s";
}

export function clock(ms, withDay = false) {
  const options = { hour: "2-digit", minute: "2-digit", second: withDay ? undefined : "2-digit", hour12: false };
  return new Date(ms).toLocaleTimeString("en-GB", options);
}

export const percent = (part) => Math.round(part * 100) + " %";
// "rabbit@host-1" -> "host-1" where every node's name begins alike.
export const nodeName = (name) => name ?? "";
