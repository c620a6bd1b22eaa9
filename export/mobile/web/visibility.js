// Finds keypoints that are not seen, by the rule of tf_elepose/data/visibility.py. Each pose is judged alone, as in the
// graph of the model (export/visibility.py).

const LARGEST_PX = 1e6;
const ONE_IN = 10; // Of this many other joints, at least one must be on each side of the origin.
const ROUNDING = 1e-5; // A root this near to the origin, relative to the largest coordinate, counts as being there.

/**
 * Tells which joints of a pose are seen.
 *
 * @param points [K] of [x, y] or [x, y, confidence] in px; null for joints that are not there.
 * @param minConfidence joints with no more confidence than this are not seen.
 * @param root [K] of the weights [x, y] of the joints that make the body's root, null for the others; null as a whole
 *     where the root cannot be made. In a pose whose root is at the origin, (0, 0) and (-1, -1) are places.
 * @return [K] true or false.
 */
export function seen(points, minConfidence = 0, root = null) {
  const poses = points.map((point) => [number(point?.[0]), number(point?.[1])]);
  const given = poses.map(([x, y], k) => {
    const confidence = number(points[k]?.[2] ?? 1);
    const inside = Math.abs(x) < LARGEST_PX && Math.abs(y) < LARGEST_PX;
    return inside && confidence > minConfidence && confidence < LARGEST_PX;
  });
  const leftOut = poses.map(([x, y]) => x === y && (x === 0 || x === -1));
  const centred = root !== null && rootCentred(poses, given, leftOut, root);
  return given.map((there, k) => there && (centred || !leftOut[k]));
}

/** In float32, as the model calculates; NaN for null and text, which JSON may hold. */
function number(value) {
  return typeof value === "number" ? Math.fround(value) : NaN;
}

function rootCentred(poses, given, leftOut, root) {
  const used = [...root.keys()].filter((k) => root[k]);
  if (!used.every((k) => given[k])) return false;
  const shown = poses.filter((_, k) => given[k]);
  const largest = Math.max(...shown.flat().map(Math.abs));
  const others = poses.filter((_, k) => given[k] && !leftOut[k]);
  const sides = [0, 1].map((axis) => {
    const at = used.reduce((sum, k) => sum + poses[k][axis] * root[k][axis], 0);
    const below = others.filter((point) => point[axis] < 0).length;
    const above = others.filter((point) => point[axis] > 0).length;
    return { atOrigin: Math.abs(at) <= ROUNDING * largest, fewest: Math.min(below, above) };
  });
  const around = ONE_IN * Math.max(sides[0].fewest, sides[1].fewest) >= Math.max(others.length, 1);
  return sides[0].atOrigin && sides[1].atOrigin && around;
}
