// A model and its description: names and orders come from skeleton.json, which python -m export.mobile wrote.
import { seen } from "./visibility.js";
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const WASM = new URL("node_modules/@litertjs/core/wasm/", import.meta.url).href;

export async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server says ${response.status}`);
  return response;
}

export class PoseLifter {
  /** Loads the model in the folder `base`, a URL that ends in a slash. */
  static async load(base) {
    const skeleton = await (await fetched(base + "skeleton.json")).json();
    const data = new Uint8Array(await (await fetched(base + skeleton.model)).arrayBuffer());
    await loadLiteRt(WASM); // The build without threads: more threads are not faster for such small networks.
    return new PoseLifter(skeleton, await loadAndCompile(data, { accelerator: "wasm" }));
  }

  constructor(skeleton, model) {
    this.skeleton = skeleton;
    this.model = model;
    this.keypoints = new Float32Array(2 * skeleton.keypoints.length);
    this.confidence = new Float32Array(skeleton.keypoints.length);
    const count = skeleton.keypoints.length;
    const { min_confidence: minConfidence = 0, root_of: rootOf = null } = skeleton;
    this.root = rootOf && skeleton.keypoints.map((joint) => rootOf[joint] ?? null);
    /** The last arguments of readKeypoints for this model. */
    this.reading = [skeleton.keypoints, minConfidence, this.root];
    this.shapes = { keypoints: [1, count, 2], confidence: [1, count], root_head_mm: [1] };
    for (const { name, shape } of model.getInputDetails()) {
      if (String(Array.from(shape)) !== String(this.shapes[name])) {
        throw new Error(`input ${name} of ${skeleton.model} is [${shape}], expected [${this.shapes[name]}]`);
      }
    }
  }

  /**
   * Lifts the pose of one frame.
   *
   * @param points [K] of [x, y] or [x, y, confidence] in px, x right, y down; null for joints that are not seen, see
   *     also visibility.js. In the order of skeleton.keypoints.
   * @param rootHeadMm wanted distance from root to head, mm; 0: unit scale.
   * @return {valid, pose: Float32Array [J * 3] camera frame, x right, y down, z forward, root at the origin,
   *     elevationDeg or null, milliseconds}. pose is 0 where not valid.
   */
  async lift(points, rootHeadMm = 0) {
    if (points.length !== this.skeleton.keypoints.length) {
      throw new Error(`expected ${this.skeleton.keypoints.length} keypoints, got ${points.length}`);
    }
    const there = seen(points, ...this.reading.slice(1));
    points.forEach((point, k) => {
      this.keypoints[2 * k] = there[k] ? point[0] : 0;
      this.keypoints[2 * k + 1] = there[k] ? point[1] : 0;
      this.confidence[k] = there[k] ? point[2] ?? 1 : 0;
    });
    const begin = performance.now();
    const inputs = {
      keypoints: new Tensor(this.keypoints, this.shapes.keypoints),
      confidence: new Tensor(this.confidence, this.shapes.confidence),
      root_head_mm: new Tensor(new Float32Array([rootHeadMm]), this.shapes.root_head_mm),
    };
    let outputs = {};
    try {
      outputs = await this.model.run(this.skeleton.signature, inputs);
      const values = {};
      for (const name in outputs) values[name] = await outputs[name].data();
      return {
        valid: values.valid[0] === 1,
        pose: values.poses_3d,
        elevationDeg: values.elevation_deg ? values.elevation_deg[0] : null,
        milliseconds: performance.now() - begin,
      };
    } finally {
      // The browser does not free the library's memory.
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
    }
  }
}
