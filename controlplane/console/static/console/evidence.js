// Dropping files is the same as choosing them: the form sends them, and works without this.
(() => {
  "use strict";
  const form = document.querySelector("form[data-drop]");
  const field = form?.querySelector("input[type=file]");
  if (!field) return;
  const chosen = form.querySelector("[data-chosen]");
  const send = form.querySelector("button[type=submit]");
  const most = Number(field.dataset.most);
  form.querySelector("[data-drop-hint]").hidden = false;

  const tell = () => {
    const files = [...field.files];
    const large = files.filter((file) => file.size > most);
    chosen.textContent = large.length
      ? `Too large: ${large.map((file) => file.name).join(", ")}`
      : files.length > 1 ? `${files.length} files: ${files.map((file) => file.name).join(", ")}` : "";
    field.setCustomValidity(large.length ? "Too large." : "");
    send.disabled = large.length > 0;
  };
  const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  form.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    form.classList.add("ev-over");
  });
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) form.classList.remove("ev-over");
  });
  form.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    form.classList.remove("ev-over");
    field.files = event.dataTransfer.files;
    tell();
    field.focus();
  });
  field.addEventListener("change", tell);
  form.addEventListener("submit", () => {
    if (!field.files.length) return;
    chosen.textContent = "On its way: hashed while it is read, then read back.";
  });
})();
