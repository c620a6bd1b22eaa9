// Draws the lifted pose, seen by a camera that moves around it, and the keypoints from which it was lifted.

const DISTANCE = 6; // Distance of the drawing's camera, in units of the body (about one from root to head).
const TILT = (12 * Math.PI) / 180; // Angle by which this camera looks down.
const FITS = 1.75; // Half of the drawing's height at the root, in the same units.
const RINGS = [0.5, 1, 1.5];

export class Scene {
  constructor(canvas, input, skeleton) {
    this.canvas = canvas;
    this.input = input;
    const side = (joint) => (skeleton.left.includes(joint) ? "left" : skeleton.right.includes(joint) ? "right" : "middle");
    const { joints, keypoints } = skeleton;
    this.bones = skeleton.bones.map(([child, parent]) => [joints.indexOf(child), joints.indexOf(parent), side(child)]);
    this.sides = joints.map(side);
    this.head = joints.indexOf(skeleton.head);
    this.drawnBones = skeleton.bones
      .filter((bone) => bone.every((joint) => keypoints.includes(joint)))
      .map(([child, parent]) => [keypoints.indexOf(child), keypoints.indexOf(parent)]);
    this.pointSides = keypoints.map((joint) => (joint.startsWith("l_") ? "left" : joint.startsWith("r_") ? "right" : "middle"));
    this.floor = null;
  }

  /** Forgets the floor, which is unknown at the start of a new clip. */
  forget() {
    this.floor = null;
  }

  /** Draws a pose of `lifter.lift`, turned by `angle` radians; only the floor if it is not valid. */
  draw(lifted, angle) {
    const { context, width, height } = prepared(this.canvas);
    const colour = colours(this.canvas);
    const scale = (Math.min(width, height) / 2 / FITS) * DISTANCE;
    const onScreen = ([x, y, z]) => {
      // Turn about the vertical axis, then tilt down, then project.
      const across = x * Math.cos(angle) + z * Math.sin(angle);
      const away = z * Math.cos(angle) - x * Math.sin(angle);
      const down = y * Math.cos(TILT) - away * Math.sin(TILT);
      const depth = DISTANCE + away * Math.cos(TILT) + y * Math.sin(TILT);
      return [width / 2 + (scale * across) / depth, height * 0.46 + (scale * down) / depth, depth];
    };
    const level = lifted?.valid ? levelled(lifted) : null;
    if (level) {
      const lowest = Math.max(...level.map((point) => point[1]));
      this.floor = this.floor === null ? lowest : Math.max(lowest, this.floor + 0.02 * (lowest - this.floor));
    }
    this.drawFloor(context, onScreen, colour);
    if (!level) return;
    const points = level.map(onScreen);
    const unit = scale / DISTANCE;
    const depthOf = ([child, parent]) => points[child][2] + points[parent][2];
    context.lineCap = "round";
    for (const bone of [...this.bones].sort((a, b) => depthOf(b) - depthOf(a))) {
      const [from, to] = [points[bone[0]], points[bone[1]]];
      const near = (2 * DISTANCE) / depthOf(bone);
      stroke(context, from, to, 0.115 * unit * near, colour.card);
      stroke(context, from, to, 0.075 * unit * near, colour[bone[2]]);
    }
    const order = points.map((_, j) => j).sort((a, b) => points[b][2] - points[a][2]);
    for (const j of order) {
      const radius = (j === this.head ? 0.1 : 0.045) * unit * (DISTANCE / points[j][2]);
      dot(context, points[j], radius, colour[this.sides[j]], colour.card);
    }
  }

  drawFloor(context, onScreen, colour) {
    const height = this.floor ?? 1.5;
    context.strokeStyle = colour.floor;
    context.lineWidth = 1;
    for (const radius of RINGS) {
      context.beginPath();
      for (let step = 0; step <= 64; step++) {
        const turn = (2 * Math.PI * step) / 64;
        const [x, y] = onScreen([radius * Math.cos(turn), height, radius * Math.sin(turn)]);
        step ? context.lineTo(x, y) : context.moveTo(x, y);
      }
      context.stroke();
    }
    // A tick towards the place of the camera that saw the keypoints.
    const [near, far] = [RINGS.at(-1), RINGS.at(-1) + 0.2].map((z) => onScreen([0, height, -z]));
    stroke(context, near, far, 3, colour.floor);
  }

  /** Draws the keypoints [K] of a frame. */
  drawInput(points) {
    const { context, width, height } = prepared(this.input);
    const colour = colours(this.input);
    const shown = points.filter(Boolean);
    if (!shown.length) return;
    const [xs, ys] = [0, 1].map((axis) => shown.map((point) => point[axis]));
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = 0.86 * Math.min(width / Math.max(right - left, 1), height / Math.max(bottom - top, 1));
    const place = ([x, y]) => [width / 2 + (x - (left + right) / 2) * scale, height / 2 + (y - (top + bottom) / 2) * scale];
    for (const [child, parent] of this.drawnBones) {
      if (points[child] && points[parent]) stroke(context, place(points[child]), place(points[parent]), 1.5, colour.floor);
    }
    points.forEach((point, k) => point && dot(context, place(point), 2, colour[this.pointSides[k]]));
  }
}

/** Joints [J] of [x, y, z], with y along gravity if the model predicts the elevation. */
function levelled({ pose, elevationDeg }) {
  const down = ((elevationDeg ?? 0) * Math.PI) / 180;
  return Array.from({ length: pose.length / 3 }, (_, j) => {
    const [x, y, z] = pose.subarray(3 * j, 3 * j + 3);
    return [x, y * Math.cos(down) + z * Math.sin(down), z * Math.cos(down) - y * Math.sin(down)];
  });
}

function prepared(canvas) {
  const density = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function colours(canvas) {
  const style = getComputedStyle(canvas);
  const names = ["left", "right", "middle", "floor", "card"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function stroke(context, from, to, width, colour) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(from[0], from[1]);
  context.lineTo(to[0], to[1]);
  context.stroke();
}

function dot(context, [x, y], radius, colour, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  if (!edge) return;
  context.strokeStyle = edge;
  context.lineWidth = 1.5;
  context.stroke();
}
