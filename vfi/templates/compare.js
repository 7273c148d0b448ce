"use strict";
const $ = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const data = JSON.parse($("#data").textContent);
const films = JSON.parse($("#films").textContent);

// Curves: one score at a time; the line below reads the frame pointed at, or the means.
let shown = "psnr";
function read(i) {
  const [index, time] = i === null ? [] : data.frames[i];
  $("#where").textContent = i === null ? "Mean" : `Frame ${index}, ${time.toFixed(3)} s`;
  for (const output of all(".readout output")) {
    const method = output.dataset.method;
    output.textContent = (i === null ? data.means[shown][method] : data.scores[shown][method][i]).toFixed(data.digits[shown]);
  }
  for (const cursor of all(".cursor")) {
    const x = i === null ? 0 : 1000 * (i + 0.5) / data.frames.length;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.toggleAttribute("hidden", i === null);
  }
}
for (const button of all(".tabs button")) {
  button.onclick = () => {
    shown = button.dataset.score;
    for (const other of all(".tabs button")) other.setAttribute("aria-pressed", other === button);
    for (const chart of all(".chart")) chart.hidden = chart.dataset.score !== shown;
    read(null);
  };
}
for (const svg of all(".chart svg")) {
  const frame = (event) => {
    const box = svg.getBoundingClientRect();
    const i = Math.floor(data.frames.length * (event.clientX - box.left) / box.width);
    return Math.min(Math.max(i, 0), data.frames.length - 1);
  };
  svg.onpointermove = (event) => read(frame(event));
  svg.onpointerleave = () => read(null);
  svg.onclick = (event) => { film.pause(); film.seek(data.frames[frame(event)][1] - data.start); };
}
read(null);

// Videos, as blobs, since not every browser can seek in a data: address.
const addresses = {};
function address(name) {
  addresses[name] ??= URL.createObjectURL(
    new Blob([Uint8Array.from(atob(films[name]), (c) => c.charCodeAt(0))], { type: "video/mp4" }));
  return addresses[name];
}
const film = divide($("#film"), data);
const names = Object.keys(films);
for (const [id, video, first] of [["#left", film.over, names[1]], ["#right", film.under, names[2] ?? names[0]]]) {
  for (const name of names) $(id).add(new Option(name || "the real film", name, name === first, name === first));
  $(id).onchange = (event) => film.show(video, address(event.target.value));
  film.show(video, address(first));
}
