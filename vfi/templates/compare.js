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
  svg.onclick = (event) => { pause(); seek(data.frames[frame(event)][1] - data.start); };
}
read(null);

// Videos: two on top of each other, the upper one cut off at the divider; the upper follows the lower one's clock.
const over = $("#over"), under = $("#under"), stage = $(".stage");
const addresses = {};
function address(name) {
  // A blob, since not every browser can seek in a data: address.
  addresses[name] ??= URL.createObjectURL(
    new Blob([Uint8Array.from(atob(films[name]), (c) => c.charCodeAt(0))], { type: "video/mp4" }));
  return addresses[name];
}
function show(video, name) {
  const time = under.currentTime;
  video.src = address(name);
  video.currentTime = time;
  video.playbackRate = Number($("#speed").value);
  if (playing) video.play();
}
function place(percent) {
  stage.style.setProperty("--x", `${percent}%`);
  $("#place").value = percent;
}
let playing = false;
function pause() {
  playing = false;
  for (const video of [over, under]) video.pause();
  over.currentTime = under.currentTime;
  $("#play").textContent = "Play";
}
function seek(time) {
  // The middle of the frame: at its very start rounding may show the one before.
  const at = Math.min(Math.max(time, 0) + 0.5 / data.rate, Math.max(0, under.duration - 0.001));
  for (const video of [over, under]) video.currentTime = at;
}
const step = (frames) => { pause(); seek((Math.floor(under.currentTime * data.rate + 0.001) + frames) / data.rate); };
$("#play").onclick = () => {
  if (playing) return pause();
  playing = true;
  for (const video of [over, under]) video.play();
  $("#play").textContent = "Pause";
};
$("#back").onclick = () => step(-1);
$("#on").onclick = () => step(1);
$("#speed").onchange = () => { for (const video of [over, under]) video.playbackRate = Number($("#speed").value); };
$("#place").oninput = (event) => place(event.target.value);
const drag = (event) => {
  const box = stage.getBoundingClientRect();
  place(Math.min(Math.max(100 * (event.clientX - box.left) / box.width, 0), 100));
};
stage.onpointerdown = (event) => { stage.setPointerCapture(event.pointerId); drag(event); };
stage.onpointermove = (event) => { if (event.buttons) drag(event); };
(function follow() {
  if (playing && Math.abs(over.currentTime - under.currentTime) > 0.6 / data.rate) over.currentTime = under.currentTime;
  $("#clock").textContent = `${(data.start + under.currentTime).toFixed(3)} s`;
  requestAnimationFrame(follow);
})();
const names = Object.keys(films);
for (const [id, video, first] of [["#left", over, names[1]], ["#right", under, names[2] ?? names[0]]]) {
  for (const name of names) $(id).add(new Option(name || "the real film", name, name === first, name === first));
  $(id).onchange = (event) => show(video, event.target.value);
  show(video, first);
}
