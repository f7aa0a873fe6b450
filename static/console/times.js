/** Times as the reader's clock has them; the server writes them in UTC. */

const SHOWN = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};
const formats = Object.fromEntries(Object.entries(SHOWN).map(([how, options]) => [how, new Intl.DateTimeFormat(undefined, options)]));
const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How long ago, or in how long: "3 minutes ago". */
function ago(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? UNITS[3];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** A moment in one of the ways of `SHOWN`; another day than today is named. */
export function spoken(date, how) {
  const far = (how === "minute" || how === "clock") && date.toDateString() !== new Date().toDateString();
  return formats[far ? "day" : how].format(date);
}

/** Rewrite every time below a root. */
export function tellTimes(root) {
  for (const time of root.querySelectorAll("time[data-how]")) {
    const date = new Date(time.dateTime);
    const how = time.dataset.how;
    const text = how === "ago" ? ago(date) : spoken(date, how);
    if (time.textContent !== text) time.textContent = text;
  }
}
