// The chosen track, frame and viewpoint; buttons, keys, mouse and fingers.

const tracks = new Map();
let track, row = 0, playing = false, azimuth = 0, elevation = LOOK.elevation, zoom = 1, preset = null;
let passed = 0, before = null, waiting = false;

function chooseTrack(number) {
  if (!tracks.has(number)) tracks.set(number, new Track(DATA.tracks[number]));
  track = tracks.get(number);
  row = 0; passed = 0;
  slider.max = track.count - 1;
  if (preset) choosePreset(preset);
  element("name").textContent = track.name || "Lifted poses";
  element("ground").textContent = `squares of ${+track.grid.toPrecision(3)} ${DATA.unit}`;
  element("track").value = number;
  show();
}

function seek(to) {
  row = clamp(to, 0, track.count - 1);
  passed = 0;
  show();
}

function play(on) {
  playing = on;
  before = null;
  if (on && row === track.count - 1) row = 0;
  show();
}

// Draws with the browser's next frame; several calls before then draw once.
function show() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(draw);
}

function draw(now) {
  waiting = false;
  const seconds = before === null ? 0 : Math.min((now - before) / 1000, 0.25);
  before = now;
  const spinning = element("spin").checked;
  if (spinning) { azimuth += LOOK.turn * seconds; choosePreset(null); }
  if (playing) {
    passed += seconds * track.rate * Number(element("speed").value);
    row = (row + Math.floor(passed)) % track.count;
    passed -= Math.floor(passed);
  }
  drawWords();
  drawView();
  if (element("inset").checked) drawImage();
  if (playing || spinning) show(); else before = null;
}

function drawWords() {
  const valid = track.valid[row], percentile = track.percentile ? track.percentile[row] : NaN;
  const known = isFinite(percentile);
  const word = known ? (DATA.words.find(([limit]) => percentile < limit) || DATA.words.at(-1))[1] : "";
  slider.value = row;
  slider.setAttribute("aria-valuetext", `frame ${track.frame[row]}`);
  element("frame").textContent = `frame ${track.frame[row]} · ${row + 1} of ${track.count}`;
  element("play").textContent = playing ? "Pause" : "Play";
  element("none").hidden = Boolean(valid);
  element("likelihood").hidden = !track.percentile;
  element("percentile").textContent = `Percentile ${known ? Math.round(percentile) : "–"}`;
  element("filled").style.width = `${known ? percentile : 0}%`;
  element("word").textContent = known ? word : valid ? "not known" : "no pose";
  const tilt = track.elevation ? track.elevation[row] : NaN;
  element("elevation").hidden = !track.elevation;
  element("elevation").textContent = `Camera elevation ${valid && isFinite(tilt) ? `${Math.round(tilt)}°` : "–"}`;
  if (!playing) {
    const words = valid ? `pose turned by ${Math.round(((azimuth % 360) + 360) % 360)} degrees` : DATA.no_pose;
    view.setAttribute("aria-label", `Frame ${track.frame[row]}: ${words}${known ? `, percentile ${Math.round(percentile)}, ${word}` : ""}`);
  }
}

const PRESETS = { camera: () => [0, track.tilt], side: () => [90, 0], back: () => [180, LOOK.elevation],
  above: () => [0, 90] };

function choosePreset(name) {
  preset = name;
  if (name) [azimuth, elevation] = PRESETS[name]();
  for (const button of document.querySelectorAll("[data-view]"))
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
}

function turn(right, up) {
  azimuth += right;
  elevation = clamp(elevation + up, -20, 90);
  choosePreset(null);
  show();
}

function zoomBy(factor) {
  zoom = clamp(zoom * factor, 0.4, 6);
  show();
}

// One finger or the mouse turns, two fingers zoom.
const fingers = new Map();
const spread = () => {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y);
};
view.addEventListener("pointerdown", (event) => {
  view.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
view.addEventListener("pointermove", (event) => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  const gap = fingers.size === 2 ? spread() : 0;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 1) turn((last.x - event.clientX) * 0.5, (event.clientY - last.y) * 0.4);
  else if (fingers.size === 2 && gap > 0) zoomBy(spread() / gap);
});
for (const kind of ["pointerup", "pointercancel"]) view.addEventListener(kind, (event) => fingers.delete(event.pointerId));
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomBy(Math.exp(-clamp(event.deltaY, -100, 100) * 0.002));
}, { passive: false });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  const own = event.target === slider;  // The browser moves the slider itself; its steps arrive as "input".
  if (event.target === view && event.key.startsWith("Arrow")) {
    turn({ ArrowLeft: -5, ArrowRight: 5 }[event.key] || 0, { ArrowUp: 5, ArrowDown: -5 }[event.key] || 0);
  } else if (event.key in steps && !own) {
    play(false);
    seek(row + steps[event.key] * (event.shiftKey ? 10 : 1));
  } else if ((event.key === "Home" || event.key === "End") && !own) {
    play(false);
    seek(event.key === "Home" ? 0 : track.count - 1);
  } else if (event.key === " " && !["BUTTON", "INPUT"].includes(event.target.tagName)) {
    play(!playing);
  } else if (event.key === "+" || event.key === "=") {
    zoomBy(1.15);
  } else if (event.key === "-") {
    zoomBy(1 / 1.15);
  } else if (event.key === "l" || event.key === "L") {
    element("labels").click();
  } else {
    return;
  }
  event.preventDefault();
});

element("play").addEventListener("click", () => play(!playing));
slider.addEventListener("input", () => { play(false); seek(Number(slider.value)); });
element("in").addEventListener("click", () => zoomBy(1.25));
element("out").addEventListener("click", () => zoomBy(0.8));
for (const id of ["spin", "labels"]) element(id).addEventListener("change", () => { before = null; show(); });
element("inset").addEventListener("change", (event) => {
  element("input").hidden = !event.target.checked;
  show();
});
for (const button of document.querySelectorAll("[data-view]"))
  button.addEventListener("click", () => { element("spin").checked = false; choosePreset(button.dataset.view); show(); });
element("track").addEventListener("change", (event) => chooseTrack(Number(event.target.value)));
new ResizeObserver(show).observe(element("stage"));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);

DATA.tracks.forEach((values, number) => {
  const option = document.createElement("option");
  option.value = number;
  option.textContent = values.name || "Lifted poses";
  element("track").append(option);
});
element("choice").hidden = DATA.tracks.length < 2;
element("about").textContent = `${DATA.source}, lifted by ${DATA.model}`;
element("none").textContent = DATA.no_pose;

// A link to a frame: viewer.html#track=1&row=40&azimuth=90&elevation=0&zoom=1.5&labels=1, tracks and rows from 0.
const link = new URLSearchParams(location.hash.slice(1));
const number = (name, usual) => (link.has(name) && isFinite(link.get(name)) ? Number(link.get(name)) : usual);
readColors();
chooseTrack(clamp(Math.round(number("track", DATA.first)), 0, DATA.tracks.length - 1));
azimuth = number("azimuth", 0);
elevation = clamp(number("elevation", LOOK.elevation), -20, 90);
zoom = clamp(number("zoom", 1), 0.4, 6);
element("labels").checked = number("labels", 0) === 1;
choosePreset(null);
seek(Math.round(number("row", 0)));
play(!link.has("row") && !window.matchMedia("(prefers-reduced-motion: reduce)").matches);
