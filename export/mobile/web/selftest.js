// index.html?test=FILE: lifts every frame of a keypoints file in the model's folder and posts the results to the
// server, which compares them with Python's results for the same frames.
import { readKeypoints } from "./keypoints.js";
import { fetched } from "./lifter.js";

export async function report(lifter, file) {
  const answer = { keypoints: lifter.skeleton.keypoints, frames: [] };
  const text = await (await fetched(new URL("model/" + file, import.meta.url))).text();
  for (const points of readKeypoints(file, text, ...lifter.reading).frames) {
    const { valid, pose, elevationDeg, milliseconds } = await lifter.lift(points);
    answer.frames.push({ valid, pose: Array.from(pose), elevationDeg, milliseconds });
  }
  await post("frames", answer);
  // The rest of the page is examined after it has run for a moment.
  setTimeout(() => {
    const scene = document.getElementById("scene");
    const { data } = scene.getContext("2d").getImageData(0, 0, scene.width, scene.height);
    const texts = ["latency", "elevation", "seen", "message"].map((id) => [id, document.getElementById(id).textContent]);
    const painted = data.filter((value, index) => index % 4 === 3 && value > 0).length;
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    post("page", { painted, overflow: wide, ...Object.fromEntries(texts) });
  }, 1500);
}

async function post(name, values) {
  await fetch(new URL("report/" + name, import.meta.url), { method: "POST", body: JSON.stringify(values) });
}
