// Everything here is a convenience: without script every page and every action works.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Menus close when one looks elsewhere
  document.addEventListener("click", (event) => {
    for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // --- Groups of the sidebar stay as one left them
  document.addEventListener("click", (event) => {
    const summary = event.target.closest?.(".nav summary");
    if (!summary) return;
    const { open, dataset: { group } } = summary.parentElement;
    const marks = (/cp_nav=([^;]*)/.exec(document.cookie)?.[1] || "").split(".");
    const kept = marks.filter((mark) => mark.replace("-", "") !== group);
    const all = [...kept, (open ? "-" : "") + group].join(".");
    document.cookie = `cp_nav=${all}; path=/; max-age=31536000; samesite=lax`;
  });

  // --- The palette
  const palette = $("#palette");
  const field = $("#palette-text");
  const list = $("#palette-hits");
  const note = $("#palette-note");
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
    let found = { hits: [], note: "The portal does not answer. Press Enter to try as a page." };
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (answer.ok) found = await answer.json();
    } catch {
      // The note above says it.
    }
    if (number === asked) draw(found);
  };
  const clear = (said = "") => {
    chosen = -1;
    list.replaceChildren();
    field.removeAttribute("aria-activedescendant");
    note.textContent = said;
  };
  const draw = ({ hits, note: said }) => {
    clear(said);
    list.hidden = hits.length === 0;
    field.setAttribute("aria-expanded", String(hits.length > 0));
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
      // Until their answer is here, Enter asks for these words as a page.
      asked += 1;
      clear();
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

  // --- Keyboard
  const help = $("#help");
  for (const opener of $$("[data-help-open]")) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }
  const rows = () => $$("main [data-row]").filter((link) => link.offsetParent);
  // The row one stands on is the one that holds the focus.
  const here = () => document.activeElement?.closest("main tr, main li");
  const stepTo = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((link) => link.closest("tr, li") === here());
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  };
  const next = () => {
    const bar = $("main input[data-select]:checked") && $("main .bulk");
    if (bar) $$("input, button", bar).find((control) => control.offsetParent && control.type !== "hidden")?.focus();
    else $("main [data-next]")?.click();
  };
  // The help is made of this table. Enter is the link's own.
  const KEYS = {
    "/": ["Search this list", () => $("[data-search]")?.focus()],
    j: ["Next row", () => stepTo(1)],
    k: ["Previous row", () => stepTo(-1)],
    Enter: ["Open the row"],
    x: ["Select the row", () => here()?.querySelector("input[data-select]")?.click()],
    e: ["The next step: the page's first button, or what can be done with the selected rows", next],
    c: ["Create one", () => $("main [data-new]")?.click()],
    u: ["Up, to the list", () => $("[data-up]")?.click()],
    "[": ["Earlier, in a calendar", () => $("main [data-earlier]")?.click()],
    "]": ["Later, in a calendar", () => $("main [data-later]")?.click()],
    t: ["Today, in a calendar", () => $("main [data-today]")?.click()],
    "?": ["This help", () => help?.showModal()],
  };
  const explain = (list, keys, text) => {
    const term = document.createElement("dt");
    for (const key of keys) {
      const mark = document.createElement("kbd");
      mark.textContent = key;
      term.append(mark, " ");
    }
    const words = document.createElement("dd");
    words.textContent = text;
    list.append(term, words);
  };
  if (help) {
    explain($("[data-keys-help]"), ["Ctrl", "K"], "Jump to a page, a ref, an action");
    for (const [key, [text]] of Object.entries(KEYS)) explain($("[data-keys-help]"), [key], text);
    for (const link of $$("[data-go]")) {
      const text = link.querySelector("span:not(.count)")?.textContent || link.getAttribute("aria-label");
      explain($("[data-go-help]"), ["g", link.dataset.go], text);
    }
  }
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.key === "Escape") {
      for (const menu of $$("details.menu[open]")) {
        if (menu.contains(document.activeElement)) $("summary", menu).focus();
        menu.open = false;
      }
    }
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
    const act = KEYS[event.key]?.[1];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // --- Choosing rows
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

  // --- Clocks
  const span = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    const days = Math.floor(seconds / 86400);
    return days === 1 ? "1 day" : `${days} days`;
  };
  const ahead = (left, unit = left < 59 ? 1e-3 : left < 86370 ? 60 : 86400) => span(Math.round(left / unit) * unit);
  const regions = $$("[data-live]");
  // When each region was last known to be as the portal has it.
  const seen = new Map(regions.map((region) => [region, Date.now()]));
  const tick = () => {
    const now = Date.now();
    for (const mark of $$("time[data-when]")) {
      const seconds = (now - Date.parse(mark.dateTime)) / 1000;
      const lasts = "lasts" in mark.dataset;
      if (!lasts && Math.abs(seconds) >= 30 * 86400) continue;
      const text = lasts ? span(seconds) : Math.abs(seconds) < 1 ? "just now" : seconds > 0 ? `${span(seconds)} ago` : `in ${ahead(-seconds)}`;
      if (mark.textContent !== text) mark.textContent = text;
    }
    for (const mark of $$("[data-countdown]")) {
      const left = (Date.parse(mark.dateTime || mark.dataset.countdown) - now) / 1000;
      const verb = mark.dataset.verb || "due";
      const runs = verb === "runs";
      const text = left > 0 ? `${verb} in ${ahead(left)}` : left > -60 ? `${verb} now` : `${runs ? "late by" : "overdue"} ${span(-left)}`;
      const words = mark.querySelector(".kit-countdown-text") || mark;
      if (words.textContent.trim() !== text) words.textContent = text;
      const pressure = runs && left > -60 ? "calm" : left <= 0 ? "due" : now >= Date.parse(mark.dataset.warnAt) ? "warn" : "calm";
      for (const name of ["calm", "warn", "due"]) mark.classList.toggle(`kit-countdown-${name}`, name === pressure);
    }
    for (const mark of $$("[data-fresh]")) {
      // As old as the oldest: one region that answers says nothing about the others.
      const age = (now - Math.min(now, ...seen.values())) / 1000;
      const stale = age > 45;
      mark.hidden = !stale && regions.every((region) => region.dataset.live === "nav");
      mark.textContent = age < 2 ? "Updated just now" : `Updated ${span(age)} ago`;
      mark.classList.toggle("stale", stale);
    }
  };

  // --- Live regions
  const tags = new WeakMap();
  const waiting = new WeakMap();
  const held = new WeakMap();
  // What is typed outlasts it.
  addEventListener("input", ({ target }) => (target.dataset.typed = ""));
  const busy = (region) =>
    region.matches(":hover") || region.contains(document.activeElement) || $("input[data-select]:checked, details[open], [data-typed]", region);
  // Buttons stand still under the pointer too: another one would be pressed.
  const still = (region) => region.contains(document.activeElement) || ("liveStill" in region.dataset && region.matches(":hover"));
  const put = (region, text) => {
    const scroll = region.scrollTop;
    const page = new DOMParser().parseFromString(text, "text/html");
    const typed = $$("[data-typed]", region);
    region.replaceChildren(...page.body.childNodes);
    for (const at of typed) $(`[id="${at.id}"]`, region)?.replaceWith(at);
    region.scrollTop = scroll;
    held.delete(region);
    seen.set(region, Date.now());
    enliven(region);
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
    // What waits to be shown is not seen yet, however often it is the last word.
    if (!waiting.has(region) && !held.has(region)) seen.set(region, Date.now());
    if (answer.status === 304) return;
    const first = !tags.has(region);
    tags.set(region, answer.headers.get("ETag"));
    const text = await answer.text();
    if (first && (!("liveQuiet" in region.dataset) || "liveStill" in region.dataset) && same(region, text)) return;
    if (busy(region) && !("liveQuiet" in region.dataset)) offer(region, text);
    else if (still(region)) held.set(region, text);
    else {
      waiting.get(region)?.remove();
      waiting.delete(region);
      put(region, text);
    }
  };
  // What came while the focus was inside is put there once it has gone elsewhere.
  const release = (region) => {
    if (held.has(region) && !still(region)) put(region, held.get(region));
  };
  // What a region reads like, without the words of its clocks.
  const words = (root) => {
    const copy = root.cloneNode(true);
    for (const mark of $$("time[data-when], time[data-countdown]", copy)) mark.textContent = "";
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const same = (region, text) => words(new DOMParser().parseFromString(text, "text/html").body) === words(region);
  // Each at its own pace: what runs is looked at more often.
  const pace = (region) => Math.max(2, Number(region.dataset.liveEvery || 10)) * 1000;
  const look = (some = regions) => {
    if (document.visibilityState !== "visible") return;
    for (const region of some) refresh(region).catch(() => {});
  };
  // --- News by a stream
  const told = new Set();
  const listen = (region) => {
    let source;
    let last = Number(region.dataset.liveSince || 0);
    let soon;
    const stop = () => {
      source?.close();
      source = undefined;
      told.delete(region);
    };
    const start = () => {
      if (source || document.visibilityState !== "visible") return;
      source = new EventSource(`${region.dataset.liveStream}?since_seq=${last}`);
      source.onopen = () => {
        told.add(region);
        look([region]);  // what was said between the page and now
      };
      source.addEventListener("message", (event) => {
        last = Math.max(last, Number(event.lastEventId) || 0);
        clearTimeout(soon);
        soon = setTimeout(look, 120, [region]);  // many at once are one look
      });
      source.addEventListener("end", stop);  // there is nothing more for us to see
      source.onerror = () => {
        told.delete(region);
        if (source?.readyState !== EventSource.CLOSED) return;
        stop();
        setTimeout(start, 60000);
      };
    };
    document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? start() : stop()));
    start();
  };
  if (regions.length) {
    for (const region of regions) {
      for (const left of ["focusout", "pointerleave"]) region.addEventListener(left, () => setTimeout(release, 0, region));
    }
    // Whoever is told of news needn't ask for them, but for a look now and then.
    const due = (region) => !told.has(region) || Date.now() - (seen.get(region) || 0) > 30000;
    for (const every of new Set(regions.map(pace))) setInterval(() => look(regions.filter((one) => pace(one) === every && due(one))), every);
    document.addEventListener("visibilitychange", () => look());
    for (const region of regions) if (region.dataset.liveStream) listen(region);
  }
  setInterval(tick, 1000);
  tick();

  // --- Copying
  // Browsers lend the clipboard to secure pages only.
  const enliven = (root) => {
    if (navigator.clipboard) for (const button of $$("[data-copy]", root)) button.hidden = false;
    for (const box of $$("[data-select-all]", root)) box.hidden = false;
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
  enliven(document);
})();
