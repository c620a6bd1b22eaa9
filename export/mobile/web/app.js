import { fetched, PoseLifter } from "./lifter.js";
import { readKeypoints } from "./keypoints.js";
import { Scene } from "./scene.js";

const MODEL = new URL("model/", import.meta.url).href;
const TURN = 0.5; // Radians a second.
const TIMED = 200; // Number of lifts in the median.

const at = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

let lifter, scene, clip, lifted;
let playing = true, frame = 0, shown = -1, angle = 0, started = 0, busy = false;
const times = [];

function say(text, bad = false) {
  at("message").textContent = text;
  at("message").classList.toggle("bad", bad);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function use(name, text) {
  const read = readKeypoints(name, text, ...lifter.reading);
  clip = read;
  frame = 0;
  shown = -1;
  lifted = null;
  started = performance.now();
  scene.forget();
  at("frame").max = clip.frames.length - 1;
  const { keypoints } = lifter.skeleton;
  const lacking = keypoints.filter((joint) => !read.found.includes(joint));
  say(lacking.length ? `${name} has ${read.found.length} of the model's ${keypoints.length} keypoints.` : "");
}

async function liftShown() {
  const [of, index] = [clip, frame];
  if (busy || index === shown) return;
  busy = true;
  try {
    const result = await lifter.lift(of.frames[index]);
    if (of !== clip) return;
    [lifted, shown] = [result, index];
    times.push(result.milliseconds);
    if (times.length > TIMED) times.shift();
    show(of.frames[index]);
  } catch (error) {
    play(false);
    shown = index;
    say(String(error.message ?? error), true);
  } finally {
    busy = false;
  }
}

function show(points) {
  const seen = points.filter(Boolean).length;
  at("latency").textContent = `${median(times).toFixed(2)} ms`;
  at("seen").textContent = `${seen} of ${points.length}`;
  const says = lifted.valid && lifted.elevationDeg !== null;
  at("elevation").textContent = says ? `${lifted.elevationDeg.toFixed(1)}°` : "–";
  at("verdict").hidden = lifted.valid;
  at("verdict").textContent = lifted.valid ? "" : "No pose: too few keypoints seen in this frame";
  at("position").textContent = `${shown + 1} / ${clip.frames.length}`;
  at("frame").value = shown;
  scene.drawInput(points);
}

function play(on) {
  playing = on;
  at("play").textContent = on ? "Pause" : "Play";
  started = performance.now() - (frame / (clip?.frameRate ?? 1)) * 1000;
}

let before = 0;
function tick(now) {
  // `now` is the start of the frame and may be a little before `started`.
  if (playing) frame = Math.floor((Math.max(now - started, 0) / 1000) * clip.frameRate) % clip.frames.length;
  if (at("turn").checked) angle += (TURN * Math.min(now - before, 100)) / 1000;
  before = now;
  liftShown();
  scene.draw(lifted, angle);
  requestAnimationFrame(tick);
}

function listen() {
  at("play").onclick = () => play(!playing);
  at("frame").oninput = () => {
    play(false);
    frame = Number(at("frame").value);
  };
  at("demo").onclick = () => openDemo();
  at("file").onchange = async () => {
    const [file] = at("file").files;
    if (!file) return;
    try {
      use(file.name, await file.text());
      play(true);
    } catch (error) {
      say(`${file.name}: ${error.message}`, true);
    }
    at("file").value = "";
  };
  let held = null;
  at("scene").onpointerdown = (event) => {
    held = event.clientX;
    at("turn").checked = false;
    at("scene").setPointerCapture(event.pointerId);
  };
  at("scene").onpointermove = (event) => {
    if (held === null) return;
    angle -= (event.clientX - held) / 100;
    held = event.clientX;
  };
  at("scene").onpointerup = at("scene").onpointercancel = () => (held = null);
}

async function openDemo() {
  use("demo.json", await (await fetched(MODEL + "demo.json")).text());
  play(!calm);
}

function about({ model, convention, keypoints, skeleton, joints, units, fingerprint }) {
  const facts = {
    file: model,
    in: `${keypoints.length} keypoints, ${convention}`,
    out: `${joints.length} joints, ${skeleton}`,
    units,
    fingerprint,
  };
  for (const [term, text] of Object.entries(facts)) {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), { textContent: term }));
    row.append(Object.assign(document.createElement("dd"), { textContent: text }));
    at("about").append(row);
  }
}

try {
  lifter = await PoseLifter.load(MODEL);
  about(lifter.skeleton);
  scene = new Scene(at("scene"), at("input"), lifter.skeleton);
  at("turn").checked = !calm;
  listen();
  if (query.has("test")) {
    await (await import("./selftest.js")).report(lifter, query.get("test"));
  }
  await openDemo();
  for (const id of ["play", "frame", "demo"]) at(id).disabled = false;
  requestAnimationFrame(tick);
} catch (error) {
  say(`The model does not run here: ${error.message ?? error}`, true);
  console.error(error);
}
