// The poses in the page, and the sizes computed from them.

const DATA = JSON.parse(document.getElementById("poses").textContent);
const LOOK = DATA.look, NOT_SEEN = DATA.not_seen, RADIAN = Math.PI / 180;
const element = (id) => document.getElementById(id);
const view = element("view"), image = element("image"), slider = element("place");
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Decodes base64 of little-endian numbers, the byte order of all machines with a current browser.
function numbers(text, Kind) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Kind(bytes.buffer);
}

function median(values) {
  return Float64Array.from(values).sort()[values.length >> 1];
}

function share(values, percent) {
  return Float64Array.from(values).sort()[Math.round((values.length - 1) * percent / 100)];
}

// The largest of values, at most LOOK.outlier medians: one badly lifted pose must not shrink the rest.
function usualMost(values) {
  return Math.max(Math.min(values.reduce((a, b) => Math.max(a, b), 0), LOOK.outlier * median(values)), 1e-6);
}

function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return Math.max(...[1, 2, 5].map((step) => step * power).filter((step) => step <= most * (1 + 1e-9)));
}

class Track {
  constructor(values) {
    Object.assign(this, { name: values.name, count: values.count, rate: values.rate, tilt: values.tilt, values });
    this.frame = numbers(values.frame, Int32Array);
    this.valid = numbers(values.valid, Uint8Array);
    this.steps3d = numbers(values.poses_3d, Int16Array);
    this.steps2d = numbers(values.poses_2d, Int16Array);
    this.elevation = values.elevation && numbers(values.elevation, Float32Array);
    this.percentile = values.percentile && numbers(values.percentile, Float32Array);
    const heights = [], across = [], xs = [], ys = [];
    for (let row = 0; row < this.count; row++) {
      for (const point of this.image(row)) if (point) { xs.push(point[0]); ys.push(point[1]); }
      if (!this.valid[row]) continue;
      const pose = this.pose(row);
      heights.push(Math.max(...pose.map((p) => -p[1])));
      across.push(Math.max(...pose.map((p) => Math.hypot(p[0], p[2]))));
    }
    this.height = usualMost(heights);
    this.across = usualMost(across);
    this.ground = Math.max(LOOK.ground * this.across, LOOK.ground_least * this.height);
    this.distance = LOOK.distance * Math.max(this.height / 2, this.across);
    this.grid = roundLength(0.6 * this.ground);
    const low = LOOK.image_share;
    this.box = xs.length ? [share(xs, low), share(ys, low), share(xs, 100 - low), share(ys, 100 - low)] : [0, 0, 1, 1];
  }

  // The level pose with its lowest joint on the ground: [[x, y, z], ...], y down.
  pose(row) {
    const joints = DATA.joints.length, pose = [];
    const tilt = DATA.axes === "camera" ? this.tilt : 0;
    const c = Math.cos(tilt * RADIAN), s = Math.sin(tilt * RADIAN);
    let lowest = -Infinity;
    for (let joint = 0; joint < joints; joint++) {
      const at = 3 * (row * joints + joint);
      const [x, y, z] = [0, 1, 2].map((axis) => this.steps3d[at + axis] * this.values.scale_3d);
      pose.push([x, c * y + s * z, c * z - s * y]);
      lowest = Math.max(lowest, pose[joint][1]);
    }
    for (const point of pose) point[1] -= lowest;
    return pose;
  }

  // The 2D input: [[x, y] px, or null for a joint that was not seen, ...].
  image(row) {
    const joints = DATA.joints.length, { origin_2d: origin, scale_2d: scale } = this.values;
    return DATA.joints.map((_, joint) => {
      const at = 2 * (row * joints + joint);
      if (this.steps2d[at] === NOT_SEEN) return null;
      return [origin[0] + scale * this.steps2d[at], origin[1] + scale * this.steps2d[at + 1]];
    });
  }
}
