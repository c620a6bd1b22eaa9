// Keypoints from a file, by the names of their joints.
//
// JSON: {"joints": ["nose", ...], "frame_rate": 25, "frames": [[[x, y] or [x, y, confidence] or null, ...], ...]}
// CSV:  a header nose_x,nose_y,nose_confidence,... (the confidence may be absent) and one row a frame.
// Both are in pixels, x right, y down. Joints that the file lacks are not seen; visibility.js decides about the others.
// Joints that the model lacks are not read.
import { seen } from "./visibility.js";

const USUAL_RATE = 25;

/**
 * Reads the keypoints that a model wants.
 *
 * @param name, text the file's.
 * @param wanted names of the model's keypoints, in order.
 * @param minConfidence, root see `seen` in visibility.js.
 * @return {frameRate, frames: [T][K] of [x, y, confidence] or null, found: names of the joints that are in
 *     the file}
 */
export function readKeypoints(name, text, wanted, minConfidence = 0, root = null) {
  const read = name.toLowerCase().endsWith(".csv") ? fromCsv(text) : fromJson(text);
  const place = wanted.map((joint) => read.joints.indexOf(joint));
  const found = wanted.filter((_, k) => place[k] >= 0);
  if (!found.length) throw new Error(`none of the model's keypoints is in it; they are called ${wanted.join(", ")}`);
  if (!read.frames.length) throw new Error("it has no frames");
  const frames = read.frames.map((frame) => {
    const points = place.map((p) => (p < 0 || !frame[p] ? null : [frame[p][0], frame[p][1], frame[p][2] ?? 1]));
    const there = seen(points, minConfidence, root);
    return points.map((point, k) => (there[k] ? point : null));
  });
  return { frameRate: read.frameRate, frames, found };
}

function fromJson(text) {
  const values = JSON.parse(text);
  const { joints, frames, frame_rate: frameRate = USUAL_RATE } = values ?? {};
  if (!Array.isArray(joints) || !joints.every((joint) => typeof joint === "string")) {
    throw new Error('expected "joints", the names of the keypoints in order');
  }
  if (!Array.isArray(frames)) throw new Error('expected "frames", a list of frames');
  frames.forEach((frame, t) => {
    if (!Array.isArray(frame) || frame.length !== joints.length) {
      throw new Error(`frame ${t} has ${frame?.length ?? "no"} keypoints; "joints" names ${joints.length}`);
    }
  });
  if (!(frameRate > 0)) throw new Error(`frame_rate must be above 0; it is ${frameRate}`);
  return { joints, frames, frameRate };
}

function fromCsv(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  const separator = [",", ";", "\t"].find((char) => lines[0]?.includes(char)) ?? ",";
  const cells = lines.map((line) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const header = cells.shift() ?? [];
  const joints = header.filter((column) => column.endsWith("_x")).map((column) => column.slice(0, -2));
  if (!joints.length) throw new Error("expected a header with columns such as nose_x and nose_y");
  const columns = joints.map((joint) => ["x", "y", "confidence"].map((part) => header.indexOf(`${joint}_${part}`)));
  joints.forEach((joint, j) => {
    if (columns[j][1] < 0) throw new Error(`has ${joint}_x but no ${joint}_y`);
  });
  const frames = cells.map((row, t) => {
    if (row.length !== header.length) {
      throw new Error(`line ${t + 2} has ${row.length} cells, the header ${header.length}`);
    }
    const number = (column) => (column < 0 ? undefined : row[column] === "" ? NaN : Number(row[column]));
    return columns.map((of) => of.map(number));
  });
  return { joints, frames, frameRate: USUAL_RATE };
}
