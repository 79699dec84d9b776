"use strict";
for (const table of document.querySelectorAll("table.filtered")) {
  const input = document.createElement("input");
  input.className = "filter";
  input.type = "search";
  input.placeholder = "Filter these rows";
  input.setAttribute("aria-label", "Filter these rows");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
  table.parentElement.before(input);
}
const told = (ms) => {
  const s = ms / 1000;
  if (s < 60) return s.toFixed(3) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60).toFixed(1) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
};
for (const svg of document.querySelectorAll("svg[data-left]")) {
  const whole = svg.getAttribute("viewBox").split(" ").map(Number);
  let view = whole.slice();
  const show = () => svg.setAttribute("viewBox", view.join(" "));
  const zoom = (factor, cx = view[0] + view[2] / 2, cy = view[1] + view[3] / 2) => {
    const w = Math.min(whole[2], view[2] / factor), h = Math.min(whole[3], view[3] / factor);
    const x = cx - ((cx - view[0]) * w) / view[2], y = cy - ((cy - view[1]) * h) / view[3];
    view = [Math.max(0, Math.min(x, whole[2] - w)), Math.max(0, Math.min(y, whole[3] - h)), w, h];
    show();
  };
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    return [view[0] + ((event.clientX - box.left) / box.width) * view[2], view[1] + ((event.clientY - box.top) / box.height) * view[3]];
  };
  const tools = document.createElement("div");
  tools.className = "tools";
  const when = document.createElement("span");
  for (const [sign, name, act] of [["+", "Zoom in", () => zoom(1.6)], ["−", "Zoom out", () => zoom(1 / 1.6)], ["⤢", "Whole", () => { view = whole.slice(); show(); }]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    tools.append(button);
  }
  tools.append(when);
  svg.parentElement.before(tools);
  const { left, right, from, to } = svg.dataset;
  let held = null;
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (held) {
      view[0] = Math.max(0, Math.min(view[0] + held[0] - x, whole[2] - view[2]));
      view[1] = Math.max(0, Math.min(view[1] + held[1] - y, whole[3] - view[3]));
      show();
      return;
    }
    const part = (x - left) / (right - left);
    when.textContent = part >= 0 && part <= 1 ? told(Number(from) + part * (to - from)) : "";
  });
  svg.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && view[2] < whole[2]) held = at(event); });
  addEventListener("pointerup", () => { held = null; });
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at(event));
  }, { passive: false });
}
