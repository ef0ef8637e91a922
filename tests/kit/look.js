// What is wrong with the page as it is drawn now. `whole` asks also what no theme changes.
// Answers a list of sentences; an empty one is a page that holds to the rules.
const whole = arguments[0];
const found = [];
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const named = (node) => {
  const shown = node.cloneNode(false).outerHTML.replace(/\s+/g, " ").slice(0, 140);
  return `${shown} ${(node.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40)}`;
};
const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });

// --- Colours -----------------------------------------------------------------------------------
const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const read = new Map();
const rgba = (text) => {
  if (!read.has(text)) {
    const numbers = /^rgba?\(([^)]+)\)$/.exec(text);
    if (numbers) {
      const parts = numbers[1].split(/[,/\s]+/).filter(Boolean).map(Number);
      read.set(text, [parts[0], parts[1], parts[2], parts[3] ?? 1]);
    } else {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      read.set(text, [r, g, b, a / 255]);
    }
  }
  return read.get(text);
};
const over = (top, ground) => {
  const part = top[3];
  return [0, 1, 2].map((at) => top[at] * part + ground[at] * (1 - part)).concat(1);
};
const grounds = new Map();
const ground = (node) => {
  if (!node || node.nodeType !== 1) return over(rgba(getComputedStyle(document.documentElement).colorScheme.startsWith("dark") ? "rgb(0,0,0)" : "rgb(255,255,255)"), [255, 255, 255, 1]);
  if (!grounds.has(node)) {
    const style = getComputedStyle(node);
    const own = rgba(style.backgroundColor);
    grounds.set(node, own[3] === 1 ? own : over(own, ground(node.parentElement)));
  }
  return grounds.get(node);
};
const light = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, two) => {
  const [high, low] = [light(one), light(two)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const fades = new Map([[null, 1]]);
const faded = (node) => {
  if (!fades.has(node)) fades.set(node, Number(getComputedStyle(node).opacity) * faded(node.parentElement));
  return fades.get(node);
};
const told = new Set();
const check = (node, text, behind, least, what) => {
  const drawn = over([text[0], text[1], text[2], text[3] * faded(node)], behind);
  const ratio = contrast(drawn, behind);
  if (ratio + 0.005 >= least) return;
  const line = `${what} contrast ${ratio.toFixed(2)} < ${least}: ${named(node)}`;
  const short = `${what}${node.className}${ratio.toFixed(1)}`;
  if (!told.has(short)) found.push(line);
  told.add(short);
};
const least = (style) => {
  const size = parseFloat(style.fontSize);
  return size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
};
const excused = (node) => node.closest("[disabled], [aria-disabled=true], .unseen");
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const done = new Set();
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (done.has(node) || !walker.currentNode.data.trim()) continue;
  done.add(node);
  if (["SCRIPT", "STYLE", "OPTION", "TITLE", "DESC", "title", "desc"].includes(node.tagName)) continue;
  if (excused(node) || !seen(node)) continue;
  // Written on a mark of a chart, not on the page: those pairs are computed from the tokens.
  if (node instanceof SVGElement && /\bon-/.test(node.getAttribute("class") || "")) continue;
  const style = getComputedStyle(node);
  const colour = node instanceof SVGElement ? style.fill : style.color;
  if (colour !== "none") check(node, rgba(colour), ground(node), least(style), "text");
}
for (const node of $$("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea")) {
  if (excused(node) || !seen(node)) continue;
  const style = getComputedStyle(node);
  check(node, rgba(style.color), ground(node), least(style), "field");
  if (node.placeholder) {
    const hint = getComputedStyle(node, "::placeholder");
    check(node, rgba(hint.color), ground(node), 4.5, "placeholder");
  }
  const own = contrast(ground(node), ground(node.parentElement));
  const line = parseFloat(style.borderTopWidth) > 0 ? rgba(style.borderTopColor) : null;
  // A field is seen by its border or by its ground; one inside a drawn box is seen by the box.
  const box = node.closest(".search, .jump, .wide-search");
  if (line && own < 3 && !box) check(node, line, ground(node.parentElement), 3, "border");
}
for (const icon of $$("a > svg, button > svg, summary > svg")) {
  const holder = icon.parentElement;
  if (excused(holder) || !seen(icon) || holder.textContent.trim()) continue;
  const style = getComputedStyle(icon);
  const ink = style.stroke !== "none" ? style.stroke : style.fill;
  if (ink !== "none") check(holder, rgba(ink), ground(holder), 3, "icon");
}

// --- What no theme changes -----------------------------------------------------------------------
if (whole) {
  const headings = $$("h1").filter(seen);
  if (headings.length !== 1) found.push(`${headings.length} visible h1`);
  if ($$("main").length !== 1) found.push(`${$$("main").length} main`);
  if (headings.length && !headings[0].closest("main")) found.push("h1 outside main");
  if (document.body.classList.contains("framed")) {
    if (!$$("nav[aria-label], nav[aria-labelledby]").length) found.push("no named nav");
    if (!$$("header").length || !$$("footer").length) found.push("no header or footer");
  }
  const landmarks = new Map();
  // A piece that the kit's page shows is no part of that page's own order.
  const shown = (node) => !node.closest(".kit-shown");
  for (const nav of $$("nav, aside").filter(shown)) {
    const key = `${nav.tagName} ${nav.computedName}`;
    if (seen(nav) && landmarks.has(key)) found.push(`two landmarks of one name: ${named(nav)}`);
    if (seen(nav) && !nav.computedName) found.push(`landmark without a name: ${named(nav)}`);
    if (seen(nav)) landmarks.set(key, nav);
  }
  for (const node of $$("h1, h2, h3, h4")) {
    if (seen(node) && !node.textContent.trim()) found.push(`empty heading: ${named(node)}`);
  }
  let before = 0;
  for (const node of $$("main h1, main h2, main h3, main h4, main h5").filter((found) => seen(found) && shown(found))) {
    const level = Number(node.tagName[1]);
    if (level > before + 1) found.push(`heading skips from h${before}: ${named(node)}`);
    before = level;
  }
  const controls = "input:not([type=hidden]), select, textarea, button, summary, a[href], [role=region], [role=img], [role=button], [role=meter], [role=progressbar], progress, meter, img, svg:not([aria-hidden=true]), dialog[open]";
  for (const node of $$(controls)) {
    if (!seen(node) || node.closest("svg[role=img] *, [aria-hidden=true]")) continue;
    if (node.tagName === "svg" && node.closest("a, button, summary")) continue;
    const name = node.computedName;
    if (name === undefined) throw new Error("this browser does not compute names");
    if (!name.trim()) found.push(`no accessible name: ${named(node)}`);
  }
  for (const node of $$("[tabindex]")) if (node.tabIndex > 0) found.push(`tabindex: ${named(node)}`);
  const ids = new Map();
  for (const node of $$("[id]")) ids.set(node.id, (ids.get(node.id) || 0) + 1);
  for (const [id, count] of ids) if (count > 1) found.push(`${count} elements of id ${id}`);
  for (const attribute of ["for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "form"]) {
    for (const node of $$(`[${attribute}]`)) {
      for (const id of node.getAttribute(attribute).split(/\s+/)) {
        if (id && !ids.has(id)) found.push(`${attribute} names no element: ${named(node)}`);
      }
    }
  }
  for (const node of $$("[style]")) found.push(`style attribute: ${named(node)}`);
  for (const node of $$("*")) {
    for (const attribute of node.attributes) if (/^on/.test(attribute.name)) found.push(`handler: ${named(node)}`);
  }
  for (const node of $$("a[href]")) {
    if (!/^(https?|mailto):$/.test(new URL(node.getAttribute("href"), location.href).protocol)) found.push(`address: ${named(node)}`);
  }
  for (const node of $$("table")) {
    if (seen(node) && !node.querySelector("th")) found.push(`table without headers: ${named(node)}`);
  }
  // Drawn as blocks on a phone, parts of a table are nothing by themselves.
  for (const node of $$("table:is(.rows, .kit-table)").flatMap((table) => [table, ...$$("thead, tbody, tr, th, td", table)])) {
    if (!node.hasAttribute("role")) found.push(`part of a table without a role: ${named(node)}`);
  }
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim() || document.title.trim().startsWith("·")) found.push("no title");
  for (const line of window.__refused || ["nobody watched the policy"]) found.push(`policy refused ${line}`);
  for (const entry of performance.getEntriesByType("resource")) {
    if (entry.responseStatus >= 400) found.push(`${entry.responseStatus} ${entry.name}`);
  }
  const [way] = performance.getEntriesByType("navigation");
  if (way.responseStatus !== 200) found.push(`answered ${way.responseStatus}`);
}

// --- For a thumb ------------------------------------------------------------------------------------
if (document.documentElement.clientWidth < 500) {
  for (const node of $$("button, summary, input[type=checkbox], input[type=radio]")) {
    if (!seen(node) || node.closest(".unseen, .kit-shown")) continue;
    // A box is pressed by itself or by the label around it.
    const least = Math.max(...[node, node.closest("label")].filter(Boolean).map((one) => {
      const { width, height } = one.getBoundingClientRect();
      return Math.min(width, height);
    }));
    if (least > 1 && least < 23.5) found.push(`${Math.round(least)} px to press: ${named(node)}`);
  }
}

// --- Width -----------------------------------------------------------------------------------------
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) {
  const wide = $$("body *").filter((node) => {
    if (!seen(node) || node.closest("[popover]:not(:popover-open)")) return false;
    for (let at = node.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== "visible") return false;
    }
    return node.getBoundingClientRect().right > root.clientWidth + 0.5;
  });
  const widest = wide.filter((node) => !wide.some((other) => other !== node && node.contains(other)));
  found.push(`${root.scrollWidth} px wide at ${root.clientWidth}: ${widest.slice(0, 3).map(named).join(" | ")}`);
}
return found;
