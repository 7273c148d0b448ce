// Two videos on top of each other, the upper one cut off at the divider; the upper follows the lower one's clock.
// start: what the clock shows at 0 s; rate: frames per second of the lower one, overRate: of the upper one;
// ratio: seconds of the upper one in a second of the lower one.
function divide(view, { start = 0, rate, overRate = rate, ratio = 1 }) {
  const $ = (selector) => view.querySelector(selector);
  const over = $(".over"), under = $(".under"), stage = $(".stage");
  let playing = false;
  function setSpeed() {
    under.playbackRate = Number($(".speed").value);
    over.playbackRate = under.playbackRate * ratio;
  }
  function show(video, address) {
    const time = under.currentTime;
    video.src = address;
    video.currentTime = video === over ? time * ratio : time;
    setSpeed();
    if (playing) video.play();
  }
  function place(percent) {
    stage.style.setProperty("--x", `${percent}%`);
    $(".place").value = percent;
  }
  function pause() {
    playing = false;
    for (const video of [over, under]) video.pause();
    over.currentTime = under.currentTime * ratio;
    $(".play").textContent = "Play";
  }
  function seek(time) {
    // The middle of the frame: at its very start rounding may show the one before.
    under.currentTime = Math.min(Math.max(time, 0) + 0.5 / rate, Math.max(0, under.duration - 0.001));
    over.currentTime = under.currentTime * ratio;
  }
  const step = (frames) => { pause(); seek((Math.floor(under.currentTime * rate + 0.001) + frames) / rate); };
  $(".play").onclick = () => {
    if (playing) return pause();
    playing = true;
    setSpeed();
    for (const video of [over, under]) video.play();
    $(".play").textContent = "Pause";
  };
  $(".back").onclick = () => step(-1);
  $(".on").onclick = () => step(1);
  $(".speed").onchange = setSpeed;
  $(".place").oninput = (event) => place(event.target.value);
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    place(Math.min(Math.max(100 * (event.clientX - box.left) / box.width, 0), 100));
  };
  stage.onpointerdown = (event) => { stage.setPointerCapture(event.pointerId); drag(event); };
  stage.onpointermove = (event) => { if (event.buttons) drag(event); };
  (function follow() {
    if (!view.isConnected) return;
    const due = under.currentTime * ratio;
    if (playing && Math.abs(over.currentTime - due) > 0.6 / overRate) over.currentTime = due;
    $(".clock").textContent = `${(start + under.currentTime).toFixed(3)} s`;
    requestAnimationFrame(follow);
  })();
  return { over, under, show, pause, seek };
}
