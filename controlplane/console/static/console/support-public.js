// Answers that may help, while somebody writes. Without it the button "Look for answers first" asks
// the same of the same page.
"use strict";

(() => {
  const form = document.querySelector("form[data-suggest]");
  const place = document.getElementById("sp-found");
  if (!form || !place) return;
  const PAUSE_MS = 700;
  const LEAST = 8; // letters; fewer speak of everything
  const words = () => ["subject", "body"].map((name) => form.elements[name]?.value.trim() ?? "").join(" ").trim();
  let asked = words();
  let timer = 0;
  let call = null;

  const ask = async () => {
    const now = words();
    if (now === asked || now.length < LEAST) return;
    asked = now;
    call?.abort();
    call = new AbortController();
    const data = new URLSearchParams({ look: "1" });
    for (const name of ["csrfmiddlewaretoken", "subject", "body"]) data.set(name, form.elements[name].value);
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, signal: call.signal });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector("#sp-found .sp-found");
      // That nothing is written down about it is no news while one writes.
      place.replaceChildren(...(found?.querySelector("a") ? [document.adoptNode(found)] : []));
    } catch (error) {
      if (error.name !== "AbortError") console.info("No suggestions:", error.message);
    }
  };
  form.addEventListener("input", (event) => {
    if (!["subject", "body"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
})();
