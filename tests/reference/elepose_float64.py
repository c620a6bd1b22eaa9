"""ElePose written a second time, from the paper, in float64 NumPy: one pose at a time, joint by joint.

Nothing here calls the package. Rotations come from Rodrigues' formula, densities from their definitions; a lifter and
a flow are dictionaries of weights as `PoseModel.saved_variables` names them.
"""

import dataclasses
import math

import numpy as np

LEAKY_SLOPE = 0.01
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def rotation(axis: str, angle: float) -> np.ndarray:
    """Right-hand rotation about a coordinate axis by Rodrigues' formula, 1 + sin K + (1 - cos) K^2."""
    a, b, c = AXES[axis]
    K = np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]])
    return np.eye(3) + math.sin(angle) * K + (1.0 - math.cos(angle)) * K @ K


def back_project(image, depth_offset, distance):
    """Eq. 2 for one pose whose root offset is 0; depths clipped at 1, then the root's depth taken away."""
    joints = []
    for (u, v), d in zip(np.asarray(image, np.float64), depth_offset, strict=True):
        w = max(d + distance, 1.0)
        joints.append([u * w, v * w, w - distance])
    return np.array(joints)


def project(pose, distance):
    """Eq. 3 for one pose."""
    joints = []
    for x, y, z in pose:
        depth = max(z + distance, 1.0)
        joints.append([x / depth, y / depth])
    return np.array(joints)


def relative_bone_error(pose, bones, expected, deviations):
    """Eq. 8, twice its negative logarithm without constants; `bones` are (child, parent) places."""
    lengths = np.array([math.sqrt(sum((pose[child] - pose[parent]) ** 2)) for child, parent in bones])
    mean = sum(lengths) / len(lengths)
    return sum(((b / mean - b_bar) / s) ** 2 for b, b_bar, s in zip(lengths, expected, deviations, strict=True))


def backward_knees(pose, legs):
    """`legs`: places of hip, knee and ankle, left and right. Thigh, shank and the axis from the right to the left
    hip, each of length 1, span a volume: positive when the knee bends as knees do.
    """
    axis = pose[legs[0][0]] - pose[legs[1][0]]
    total = 0.0
    for hip, knee, ankle in legs:
        sides = np.array([pose[knee] - pose[hip], pose[ankle] - pose[knee], axis])
        volume = np.linalg.det(sides) / np.prod(np.sqrt((sides**2).sum(axis=1)))
        total += max(0.0, -volume)
    return total


@dataclasses.dataclass
class Lifter:
    """The lifting network; `weights` by names like "lifter/depth_0/first/kernel"."""

    weights: dict
    arch: str
    input_deviation: float

    def _dense(self, name, x):
        return x @ self.weights[f"lifter/{name}/kernel"] + self.weights[f"lifter/{name}/bias"]

    def _block(self, name, x):
        h = leaky_relu(self._dense(f"{name}/first", x))
        return x + leaky_relu(self._dense(f"{name}/second", h))

    def __call__(self, image):
        """Depth offsets [J], the root's as the network gave it, and elevation of one pose [J, 2]."""
        h = self._dense("upscale", np.asarray(image, np.float64).reshape(-1) / self.input_deviation)
        h = leaky_relu(h) if self.arch == "paper" else self._block("shared_0", h)
        depth = elevation = h
        for i in range(3 if self.arch == "paper" else 2):
            depth = self._block(f"depth_{i}", depth)
            elevation = self._block(f"elevation_{i}", elevation)
        return self._dense("depth_head", depth), self._dense("elevation_head", elevation)[0]


def leaky_relu(x):
    return np.where(x > 0, x, LEAKY_SLOPE * x)


@dataclasses.dataclass
class Prior:
    """PCA and flow; `weights` by names like "prior/flow/block_0/log_scale"."""

    weights: dict
    blocks: int
    layers: int

    def _subnet(self, block, x_a):
        for i in range(self.layers):
            name = f"prior/flow/block_{block}/hidden_{i}"
            x_a = np.maximum(0.0, x_a @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"])
        name = f"prior/flow/block_{block}/head"
        log_scale, shift = np.split(x_a @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"], 2)
        return 2.0 * np.tanh(log_scale / 2.0), shift

    def _parts(self, block):
        return (self.weights[f"prior/flow/block_{block}/{part}"] for part in ("log_scale", "shift", "rotation"))

    def block_forward(self, block, x):
        """One latent vector [K] a block further towards z, and the log-determinant of that step."""
        kept = len(x) // 2
        s, t = self._subnet(block, x[:kept])
        log_scale, shift, W = self._parts(block)
        y = np.concatenate([x[:kept], x[kept:] * np.exp(s) + t])
        return W @ (np.exp(log_scale) * y + shift), s.sum() + log_scale.sum()

    def block_inverse(self, block, z):
        log_scale, shift, W = self._parts(block)
        y = (np.linalg.solve(W, z) - shift) / np.exp(log_scale)
        kept = len(y) // 2
        s, t = self._subnet(block, y[:kept])
        return np.concatenate([y[:kept], (y[kept:] - t) / np.exp(s)])

    def latent_log_prob(self, latent):
        z, log_det = latent, 0.0
        for block in range(self.blocks):
            z, step = self.block_forward(block, z)
            log_det += step
        return -0.5 * z @ z - 0.5 * len(z) * math.log(2.0 * math.pi) + log_det

    def latents(self, image):
        flat = np.asarray(image, np.float64).reshape(-1)
        return (self.weights["prior/basis"] @ (flat - self.weights["prior/mean"])) / self.weights["prior/deviation"]

    def log_prob(self, image):
        """Density in the subspace's orthonormal coordinates: whitening divides each by its deviation."""
        return self.latent_log_prob(self.latents(image)) - np.log(self.weights["prior/deviation"]).sum()


@dataclasses.dataclass
class Objective:
    """Eq. 13 for a batch, with the virtual cameras' random numbers given."""

    lifter: Lifter
    prior: Prior
    bones: list  # (child, parent) places.
    bone_lengths: np.ndarray
    bone_deviations: np.ndarray
    legs: list  # See backward_knees.
    weights: dict  # A weight for each term.
    distance: float = 10.0
    root: int = 0
    ceiling: float = 0.0
    pose_scale: float | None = None  # head_to_spread of the normalisation rule "pose"; None: another rule.

    def lift(self, image, detected=None):
        d, e = self.lifter(image if detected is None else detected)
        d[self.root] = 0.0
        return back_project(image, d, self.distance), e

    def rescale(self, image):
        if self.pose_scale is None:
            return image, 1.0
        mean_distance = np.mean([math.hypot(u, v) for u, v in image])
        factor = mean_distance * self.pose_scale * self.distance
        return image / factor, factor

    def rotations(self, e, azimuth, noise):
        """Eq. 5-7: level, turn, raise by a draw from the normal distribution that the levelled angles have."""
        return [
            rotation("x", raised) @ rotation("y", a) @ rotation("x", one)
            for one, a, raised in zip(e, azimuth, self.raised(e, noise), strict=True)
        ]

    def raised(self, e, noise):
        mean = sum(e) / len(e)
        deviation = math.sqrt(sum((one - mean) ** 2 for one in e) / (len(e) - 1))
        return [-mean + deviation * n for n in noise]

    def terms(self, images, azimuth, noise, detected=None):
        """Every term [B] by name."""
        shown = images if detected is None else detected
        lifted = [self.lift(*pair) for pair in zip(images, shown, strict=True)]
        raised = self.raised([e for _, e in lifted], noise)
        poses = [pose for pose, _ in lifted]
        again = []
        terms = {name: [] for name in ("likelihood", "bone", "lifting", "reprojection", "knees", "elevation")}
        rotations = self.rotations([e for _, e in lifted], azimuth, noise)
        for i, (image, y1, R) in enumerate(zip(images, poses, rotations, strict=True)):
            y2 = np.array([R @ joint for joint in y1])
            x2, factor = self.rescale(project(y2, self.distance))
            other = i + 1 - 2 * (i % 2)
            y2_again, e_again = self.lift(x2, x2 + shown[other] - images[other])
            y2_again = y2_again * factor
            y1_again = np.array([R.T @ joint for joint in y2_again])
            again.append(y1_again)
            terms["likelihood"].append(self.limited(-self.prior.log_prob(x2)))
            terms["bone"].append(relative_bone_error(y1, self.bones, self.bone_lengths, self.bone_deviations))
            terms["lifting"].append(math.sqrt(((y2_again - y2) ** 2).sum()))
            terms["reprojection"].append(np.abs(project(y1_again, self.distance) - image).sum())
            terms["knees"].append(backward_knees(y1, self.legs))
            terms["elevation"].append(2.0 - 2.0 * math.cos(raised[i] + e_again))
        terms["deformation"] = []
        for i in range(len(images)):
            a, b = i - i % 2, i - i % 2 + 1
            change = (again[a] - again[b]) - (poses[a] - poses[b])
            terms["deformation"].append(math.sqrt((change**2).sum()))
        return {name: np.array(values) for name, values in terms.items()}

    def limited(self, nll):
        if not self.ceiling:
            return nll
        volume = np.log(self.prior.weights["prior/deviation"]).sum()
        whitened = nll - volume
        if whitened > self.ceiling:
            whitened = self.ceiling * (1.0 + math.log(whitened / self.ceiling))
        return whitened + volume

    def loss(self, images, azimuth, noise, detected=None):
        terms = self.terms(images, azimuth, noise, detected)
        return sum(weight * terms[name].mean() for name, weight in self.weights.items())
