// What the pages do beyond links and forms. Everything that is shown comes from the server; nothing comes from elsewhere.
import { drawAll, picture } from "./charts.js";

const around = window.parent === window ? null : window.parent;
const base = document.body.dataset.base;
const airflow = document.body.dataset.airflow;
// What happened is heard by screen readers; what somebody asked for is seen too.
const say = (words, isSeen = true) => {
  const said = document.getElementById("said");
  said.textContent = words;
  said.classList.toggle("shown", isSeen);
};

// -- theme: theme.js sets it; charts are drawn anew
new MutationObserver(() => drawAll()).observe(document.documentElement, { attributeFilter: ["class"] });

// -- links: the frame may lead nowhere but to pages of the board, so the page around follows the others
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || !around || link.hasAttribute("download") || event.defaultPrevented) return;
  const there = new URL(link.href);
  const isOurs = there.origin === location.origin && (there.pathname === base || there.pathname.startsWith(`${base}/`));
  if (isOurs && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const outside = around.document.createElement("a");
  outside.href = isOurs ? outer(there) : link.href;
  if (isOurs || there.origin !== location.origin) outside.target = "_blank";
  around.document.body.append(outside);
  outside.click();
  outside.remove();
});

const outer = (there) => `${location.origin}${airflow}/plugin/stockwatch${there.pathname}${there.search}${there.hash}`;

// -- times: in the reader's zone, UTC on hover
const clock = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
const localTimes = (root) => {
  for (const one of root.querySelectorAll("time[data-moment]")) {
    one.title = one.dataset.moment;
    one.textContent = clock.format(new Date(one.dateTime)).replaceAll(",", "");
  }
};

// -- parts that come after the page: skeleton first, then the part, or what went wrong and a way to try again
async function load(part, isAgain = false) {
  part.setAttribute("aria-busy", "true");
  let text;
  try {
    const answer = await fetch(part.dataset.part, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    text = await answer.text();
    if (!answer.headers.get("X-Board-Part")) throw new Error(`HTTP ${answer.status}`);
  } catch (error) {
    if (isAgain && !part.querySelector(".skeleton")) { say("Could not refresh.", false); return; }
    text = document.getElementById("part-lost").innerHTML;
  }
  part.innerHTML = text;
  part.removeAttribute("aria-busy");
  begin(part);
}
document.addEventListener("click", (event) => {
  const again = event.target.closest("[data-again]");
  if (again) load(again.closest("[data-part]"));
});
const parts = [...document.querySelectorAll("[data-part]")];

// -- what came with the page is taken from a newer one
async function renew(places) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = places.map((place) => newer.querySelector(`[data-renew="${place.dataset.renew}"]`));
  if (!answer.ok || found.includes(null)) throw new Error(`HTTP ${answer.status}`);
  if (isAtWork(places)) return;
  places.forEach((place, number) => { place.replaceChildren(...found[number].childNodes); begin(place); });
}
const isAtWork = (places) => places.some((one) => one.contains(document.activeElement) || one.querySelector("input:checked"));
const refresh = async () => {
  const places = [...document.querySelectorAll("[data-renew]")];
  if (document.hidden || isAtWork([...parts, ...places])) return;
  try {
    await Promise.all([...parts.map((part) => load(part, true)), ...(places.length ? [renew(places)] : [])]);
    say(`Updated ${clock.format(new Date())}.`, false);
  } catch { say("Could not refresh.", false); }
};
if (document.body.dataset.poll) {
  setInterval(refresh, 1000 * Number(document.body.dataset.poll));
  document.addEventListener("visibilitychange", refresh);
}

// -- heatmap: arrow keys move from cell to cell
function walk(grid) {
  const cell = (row, column) => grid.rows[row]?.cells[column]?.querySelector("a,[tabindex]");
  const move = (to) => {
    if (!to) return;
    grid.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
  };
  grid.addEventListener("keydown", (event) => {
    const here = event.target.closest("td");
    if (!here) return;
    const row = here.parentElement.rowIndex, column = here.cellIndex, end = here.parentElement.cells.length - 1;
    const next = {
      ArrowRight: () => cell(row, column + 1), ArrowLeft: () => cell(row, column - 1),
      ArrowDown: () => cell(row + 1, column), ArrowUp: () => cell(row - 1, column),
      Home: () => cell(row, event.ctrlKey ? 1 : 1), End: () => cell(row, end),
      PageDown: () => cell(Math.min(row + 10, grid.rows.length - 1), column), PageUp: () => cell(Math.max(row - 10, 1), column),
    }[event.key];
    if (next) { event.preventDefault(); move(next()); }
  });
}

// -- saved views: names of addresses, kept in this browser
const KEPT = "stockwatch.views";
function views(box) {
  const kept = () => JSON.parse(localStorage.getItem(KEPT) || "{}");
  const list = box.querySelector("ul"), name = box.querySelector("input");
  const show = () => {
    list.replaceChildren(...Object.entries(kept()).map(([title, query]) => {
      const row = document.createElement("li"), link = document.createElement("a"), drop = document.createElement("button");
      link.textContent = title;
      link.href = `${base}/incidents${query}`;
      drop.type = "button";
      drop.className = "quiet";
      drop.textContent = "Forget";
      drop.setAttribute("aria-label", `Forget the view ${title}`);
      drop.addEventListener("click", () => { const now = kept(); delete now[title]; localStorage.setItem(KEPT, JSON.stringify(now)); show(); });
      row.append(link, drop);
      return row;
    }));
  };
  box.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const title = name.value.trim();
    if (!title) return;
    localStorage.setItem(KEPT, JSON.stringify({ ...kept(), [title]: location.search }));
    name.value = "";
    show();
    say(`Saved as ${title}.`);
  });
  show();
}

// -- actions: JSON to the server, which answers in words
const chosen = () => [...document.querySelectorAll("input[name='chosen']:checked")].map((one) => one.value);
const count = () => {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  const number = chosen().length;
  bar.hidden = !number;
  bar.querySelector("[data-count]").textContent = `${number} chosen`;
};
document.addEventListener("change", (event) => {
  if (event.target.id === "choose-all") {
    document.querySelectorAll("input[name='chosen']").forEach((one) => { one.checked = event.target.checked; });
  }
  if (event.target.name === "chosen" || event.target.id === "choose-all") count();
});

let asked = null;
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const form = document.getElementById(`act-${button.dataset.act}`);
  const { act: action, incident, message, silence } = button.dataset;
  const ids = incident ? [incident] : chosen();
  if (message) asked = { to: "messages", body: { message: Number(message), action }, about: `message ${message}` };
  else if (silence !== undefined) asked = { to: "silences", body: silence ? { silence: Number(silence), action } : { action }, about: silence && `silence ${silence}` };
  else asked = { to: "actions", body: { incidents: ids, action }, about: ids.length === 1 ? ids[0] : `${ids.length} incidents` };
  form.querySelector("[data-about]").textContent = asked.about;
  form.querySelector("[role='alert']").textContent = "";
  form.showModal();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});
document.addEventListener("submit", async (event) => {
  const dialog = event.target.closest("dialog[id^='act-']");
  if (!dialog) return;
  event.preventDefault();
  const fields = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
  const words = dialog.querySelector("[role='alert']");
  const button = dialog.querySelector("button[type='submit']");
  button.disabled = true;
  try {
    const answer = await fetch(`${base}/${asked.to}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-Stockwatch": "board" },
      body: JSON.stringify({ ...asked.body, ...fields }),
    });
    const told = await answer.json();
    if (!answer.ok) { words.textContent = told.said || `It did not work (HTTP ${answer.status}).`; return; }
    sessionStorage.setItem("stockwatch.said", told.said);
    location.reload();
  } catch {
    words.textContent = "The server did not answer. Nothing is known to have changed; look again before you repeat it.";
  } finally {
    button.disabled = false;
  }
});
const said = sessionStorage.getItem("stockwatch.said");
if (said) { sessionStorage.removeItem("stockwatch.said"); say(said); }

// -- small things
document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-copy]")) {
    try { await navigator.clipboard.writeText(outer(location)); say("Link copied."); }
    catch { say(outer(location)); }  // no clipboard without TLS, and the frame may open no prompt
  }
  const save = event.target.closest("[data-picture]");
  if (save) {
    const link = document.createElement("a");
    link.download = `${save.dataset.picture}.png`;
    link.href = picture(save.closest("figure").querySelector("[data-chart]"));
    link.click();
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-go]")) event.target.form.requestSubmit();
});

// -- what scrolls can be reached by keyboard, and says what it is
function scrolling(root) {
  for (const box of root.querySelectorAll(".scroll")) {
    const isCut = box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
    const named = box.querySelector("caption") || box.closest("section, article, .box")?.querySelector("h1, h2, h3");
    if (isCut) { box.tabIndex = 0; box.setAttribute("role", "region"); box.setAttribute("aria-label", named?.textContent.trim() || "Table"); }
    else { box.removeAttribute("tabindex"); box.removeAttribute("role"); box.removeAttribute("aria-label"); }
  }
}
addEventListener("resize", () => scrolling(document));
document.addEventListener("toggle", (event) => { if (event.target.matches("details")) scrolling(event.target); }, true);

function begin(root) {
  scrolling(root);
  localTimes(root);
  drawAll(root);
  root.querySelectorAll("table[data-walk]").forEach(walk);
  root.querySelectorAll("[data-views]").forEach(views);
}
begin(document);
parts.forEach((part) => load(part));
