// Everything here is a convenience: without script every page and every action works.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Menus close when one looks elsewhere ------------------------------------------------
  document.addEventListener("click", (event) => {
    for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // --- The palette -------------------------------------------------------------------------
  const palette = $("#palette");
  const field = $("#palette-text");
  const list = $("#palette-hits");
  let chosen = -1;
  let asked = 0;
  let timer = 0;

  const openPalette = (text = "") => {
    if (!palette || palette.open) return;
    palette.showModal();
    field.value = text;
    field.focus();
    ask();
  };
  const ask = async () => {
    const number = ++asked;
    const url = `${field.form.action}?format=json&q=${encodeURIComponent(field.value)}`;
    let hits = [];
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      hits = (await answer.json()).hits;
    } catch {
      hits = null;
    }
    if (number === asked) draw(hits);
  };
  const draw = (hits) => {
    list.replaceChildren();
    chosen = -1;
    if (hits === null || hits.length === 0) {
      const line = document.createElement("li");
      line.className = "nothing";
      line.textContent = hits === null ? "The portal does not answer. Press Enter to try as a page." : "Nothing is called so.";
      list.append(line);
      return;
    }
    hits.forEach((hit, index) => {
      const line = document.createElement("li");
      line.setAttribute("role", "option");
      line.id = `hit-${index}`;
      line.dataset.url = hit.url;
      for (const [name, text] of [["hit-kind", hit.kind], ["hit-label", hit.label], ["quiet", hit.hint]]) {
        const part = document.createElement("span");
        part.className = name;
        part.textContent = text;
        line.append(part);
      }
      line.addEventListener("click", () => location.assign(hit.url));
      line.addEventListener("pointermove", () => choose(index));
      list.append(line);
    });
    choose(0);
  };
  const choose = (index) => {
    const lines = $$("[role=option]", list);
    if (!lines.length) return;
    chosen = (index + lines.length) % lines.length;
    lines.forEach((line, at) => line.setAttribute("aria-selected", String(at === chosen)));
    field.setAttribute("aria-activedescendant", lines[chosen].id);
    lines[chosen].scrollIntoView({ block: "nearest" });
  };
  if (palette) {
    field.addEventListener("input", () => {
      // Until the answer to these words is here, Enter asks for them as a page.
      asked += 1;
      chosen = -1;
      list.replaceChildren();
      field.removeAttribute("aria-activedescendant");
      clearTimeout(timer);
      timer = setTimeout(ask, 90);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Enter" && chosen >= 0) location.assign($$("[role=option]", list)[chosen].dataset.url);
      else return;
      event.preventDefault();
    });
    palette.addEventListener("click", (event) => {
      if (event.target === palette) palette.close();
    });
    for (const opener of $$("[data-palette-open]")) {
      opener.addEventListener("click", (event) => {
        event.preventDefault();
        openPalette();
      });
      // Not by the focus alone: whoever comes by with Tab wants to get past.
      if (opener.matches("input")) {
        opener.addEventListener("input", () => {
          openPalette(opener.value);
          opener.value = "";
        });
      }
    }
  }

  // --- Keyboard ----------------------------------------------------------------------------
  const help = $("#help");
  for (const opener of $$("[data-help-open]")) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }
  const goHelp = $("[data-go-help]");
  if (goHelp) {
    for (const link of $$("[data-go]")) {
      const term = document.createElement("dt");
      for (const key of ["g", link.dataset.go]) {
        const mark = document.createElement("kbd");
        mark.textContent = key;
        term.append(mark, " ");
      }
      const text = document.createElement("dd");
      text.textContent = link.querySelector("span:not(.count)")?.textContent || link.getAttribute("aria-label");
      goHelp.append(term, text);
    }
  }
  const rows = () => $$("main [data-row]").filter((link) => link.offsetParent);
  // The row one stands on is the one that holds the focus, however it got there.
  const here = () => document.activeElement?.closest("main tr, main li");
  const stepTo = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((link) => link.closest("tr, li") === here());
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  };
  const KEYS = {
    j: () => stepTo(1),
    k: () => stepTo(-1),
    x: () => here()?.querySelector("input[data-select]")?.click(),
    e: () => $("main [data-next]")?.click(),
    c: () => $("main [data-new]")?.click(),
    u: () => $("[data-up]")?.click(),
    "/": () => $("[data-search]")?.focus(),
    "?": () => help?.showModal(),
  };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.key === "Escape") for (const menu of $$("details.menu[open]")) menu.open = false;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]")) return;
    if (Date.now() < going) {
      going = 0;
      const link = $$("[data-go]").find((item) => item.dataset.go === event.key);
      if (link) {
        event.preventDefault();
        location.assign(link.href);
      }
      return;
    }
    if (event.key === "g") {
      going = Date.now() + 1500;
      return;
    }
    const act = KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // --- Choosing rows -----------------------------------------------------------------------
  const countSelected = (form) => {
    const count = $$("input[data-select]:checked", form).length;
    for (const note of $$("[data-selected-count]", form)) note.textContent = count ? `${count} selected` : "Select rows to act on them";
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form");
    if (!form) return;
    if (event.target.matches("[data-select-all]")) {
      for (const box of $$("input[data-select]", form)) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-select-all], [data-select]")) countSelected(form);
  });

  let fresh = Date.now();
  // --- Clocks ------------------------------------------------------------------------------
  const span = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    const days = Math.floor(seconds / 86400);
    return days === 1 ? "1 day" : `${days} days`;
  };
  const regions = $$("[data-live]");
  const tick = () => {
    const now = Date.now();
    for (const mark of $$("time[data-when]")) {
      const seconds = (now - Date.parse(mark.dateTime)) / 1000;
      if (Math.abs(seconds) >= 30 * 86400) continue;
      const text = Math.abs(seconds) < 1 ? "just now" : seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
      if (mark.textContent !== text) mark.textContent = text;
    }
    for (const mark of $$("[data-countdown]")) {
      const left = (Date.parse(mark.dateTime || mark.dataset.countdown) - now) / 1000;
      const verb = mark.dataset.verb || "due";
      const text = left > 0 ? `${verb} in ${span(left)}` : left > -60 ? `${verb} now` : `overdue ${span(-left)}`;
      const words = mark.querySelector(".kit-countdown-text") || mark;
      if (words.textContent.trim() !== text) words.textContent = text;
      const pressure = left <= 0 ? "due" : now >= Date.parse(mark.dataset.warnAt) ? "warn" : "calm";
      for (const name of ["calm", "warn", "due"]) mark.classList.toggle(`kit-countdown-${name}`, name === pressure);
    }
    for (const mark of $$("[data-fresh]")) {
      const age = (Date.now() - fresh) / 1000;
      mark.hidden = !regions.some((region) => region.dataset.live !== "nav");
      mark.textContent = age < 2 ? "Updated just now" : `Updated ${span(age)} ago`;
      mark.classList.toggle("stale", age > 45);
    }
  };

  // --- Live regions: calm, only while looked at ----------------------------------------------
  const tags = new WeakMap();
  const waiting = new WeakMap();
  const busy = (region) =>
    region.matches(":hover") || region.contains(document.activeElement) || $("input[data-select]:checked", region) || $("details[open]", region);
  const put = (region, text) => {
    const scroll = region.scrollTop;
    const page = new DOMParser().parseFromString(text, "text/html");
    region.replaceChildren(...page.body.childNodes);
    region.scrollTop = scroll;
    showCopy(region);
    tick();
  };
  const keysOf = (root) => new Set($$("[data-row]", root).map((link) => link.getAttribute("href")));
  const offer = (region, text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const known = keysOf(region);
    const added = [...keysOf(page)].filter((key) => !known.has(key)).length;
    let button = waiting.get(region);
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "button news-ready";
      region.before(button);
      waiting.set(region, button);
    }
    button.textContent = added ? `${added} new, show` : "Changed, show";
    button.onclick = () => {
      waiting.delete(region);
      button.remove();
      put(region, text);
    };
  };
  const refresh = async (region) => {
    const url = new URL(location.href);
    if (region.dataset.live === "nav") {
      url.pathname = "/admin/nav/";
      url.search = `?at=${encodeURIComponent(location.pathname)}`;
    } else {
      url.searchParams.set("_part", region.dataset.live);
    }
    const headers = tags.has(region) ? { "If-None-Match": tags.get(region) } : {};
    const answer = await fetch(url, { headers, cache: "no-store", redirect: "error" });
    if (answer.status !== 304 && !answer.ok) return;
    fresh = Date.now();
    if (answer.status === 304) return;
    const first = !tags.has(region);
    tags.set(region, answer.headers.get("ETag"));
    const text = await answer.text();
    if (first && !("liveQuiet" in region.dataset) && same(region, text)) return;
    if (busy(region) && !("liveQuiet" in region.dataset)) offer(region, text);
    else {
      waiting.get(region)?.remove();
      waiting.delete(region);
      if (!busy(region) || !region.contains(document.activeElement)) put(region, text);
    }
  };
  // What a region reads like, without the words of its clocks.
  const words = (root) => {
    const copy = root.cloneNode(true);
    for (const mark of $$("time[data-when], time[data-countdown]", copy)) mark.textContent = "";
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const same = (region, text) => words(new DOMParser().parseFromString(text, "text/html").body) === words(region);
  const every = Math.max(5, Number(regions[0]?.dataset.liveEvery || 10)) * 1000;
  const look = () => {
    if (document.visibilityState !== "visible") return;
    for (const region of regions) refresh(region).catch(() => {});
  };
  if (regions.length) {
    setInterval(look, every);
    document.addEventListener("visibilitychange", look);
  }
  setInterval(tick, 1000);
  tick();

  // --- Copying ---------------------------------------------------------------------------------
  // Browsers lend the clipboard to secure pages only; elsewhere the text is there to be selected.
  const showCopy = (root) => {
    if (navigator.clipboard) for (const button of $$("[data-copy]", root)) button.hidden = false;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button || !navigator.clipboard) return;
    const words = button.querySelector("[data-text]") || button;
    const before = words.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      words.textContent = "Copied";
    } catch {
      words.textContent = "Not copied";
    }
    setTimeout(() => (words.textContent = before), 1500);
  });
  showCopy(document);
})();
