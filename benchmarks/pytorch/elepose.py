"""ElePose's networks and objective in PyTorch, written from the paper, as a user of PyTorch would write them.

Letters and equation numbers are the paper's: x [B, J, 2], y [B, J, 3], e [B]. Sizes, weights and constants come from a
file of `benchmarks.speed.step_task`; the modules have the names of its weights.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Block(nn.Module):
    """x + f(f(x)), f a linear layer with leaky ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + F.leaky_relu(self.second(F.leaky_relu(self.first(x))))


class Lifter(nn.Module):
    """Depth offsets [B, J] and elevation [B] of poses [B, J, 2]."""

    def __init__(self, joints: int, *, width: int, arch: str, input_deviation: float, half: bool = False) -> None:
        """Makes the layers of the paper or of its code (`arch`); `half`: hidden layers under bfloat16 autocast."""
        super().__init__()
        shared, depth = (1, 2) if arch == "code" else (0, 3)
        self.activated, self.input_deviation, self.half = arch == "paper", input_deviation, half
        self.upscale = nn.Linear(2 * joints, width)
        self.paths = {
            of: [f"{of}_{i}" for i in range(n)]
            for of, n in (("shared", shared), ("depth", depth), ("elevation", depth))
        }
        for name in itertools.chain(*self.paths.values()):
            self.add_module(name, Block(width))
        self.depth_head, self.elevation_head = nn.Linear(width, joints), nn.Linear(width, 1)

    def _along(self, path: str, features):
        for name in self.paths[path]:
            features = getattr(self, name)(features)
        return features

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            features = self.upscale(x.flatten(1) / self.input_deviation)
            if self.activated:
                features = F.leaky_relu(features)
            features = self._along("shared", features)
            depth, elevation = self._along("depth", features), self._along("elevation", features)
        return self.depth_head(depth.float()), self.elevation_head(elevation.float())[:, 0]


class CouplingBlock(nn.Module):
    """[x_a, x_b exp(s) + t], an affine map of every coordinate, a fixed rotation; and the log-determinant."""

    def __init__(self, size: int, *, width: int, layers: int, half: bool) -> None:
        super().__init__()
        self.kept, self.layers, self.half = size // 2, layers, half
        inputs = self.kept
        for i in range(layers):
            self.add_module(f"hidden_{i}", nn.Linear(inputs, width))
            inputs = width
        self.head = nn.Linear(inputs, 2 * (size - self.kept))
        self.log_scale, self.shift = nn.Parameter(torch.zeros(size)), nn.Parameter(torch.zeros(size))
        self.register_buffer("rotation", torch.eye(size))

    def forward(self, x):
        x_a, x_b = x[:, : self.kept], x[:, self.kept :]
        features = F.relu(self.hidden_0(x_a))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            for i in range(1, self.layers):
                features = F.relu(getattr(self, f"hidden_{i}")(features))
        s, t = self.head(features.float()).chunk(2, dim=1)
        s = 2.0 * torch.tanh(s / 2.0)
        y = torch.cat([x_a, x_b * s.exp() + t], dim=1)
        return (y * self.log_scale.exp() + self.shift) @ self.rotation.T, s.sum(1) + self.log_scale.sum()


class Prior(nn.Module):
    """log p [B] of poses [B, J, 2]: principal components, then a flow."""

    def __init__(
        self, coordinates: int, bases: int, *, blocks: int, width: int, layers: int, half: bool = False
    ) -> None:
        """Makes the flow; `half`: products between hidden layers under bfloat16 autocast."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(coordinates))
        self.register_buffer("basis", torch.zeros(bases, coordinates))
        self.register_buffer("deviation", torch.ones(bases))
        self.flow = nn.Module()
        for i in range(blocks):
            self.flow.add_module(f"block_{i}", CouplingBlock(bases, width=width, layers=layers, half=half))

    def log_volume(self):
        return -self.deviation.log().sum()

    def latents(self, x):
        return (x.flatten(1) - self.mean) @ self.basis.T / self.deviation

    def latent_log_prob(self, z):
        log_det = torch.zeros(())
        for block in self.flow.children():
            z, step = block(z)
            log_det = log_det + step
        return log_det - 0.5 * (z.square().sum(1) + z.shape[1] * math.log(2.0 * math.pi)) + self.log_volume()

    def forward(self, x):
        return self.latent_log_prob(self.latents(x))


class Objective:
    """Eq. 2 to 13: every term [B] of a batch, with the virtual cameras' random numbers given."""

    def __init__(self, task: Mapping[str, Any], half: bool = False) -> None:
        """Makes the networks for `task`, the settings of `benchmarks.speed.step_task.settings_of`."""
        size = task["size"]
        self.task, self.distance, self.root = task, task["distance"], task["root"]
        self.lifter = Lifter(
            task["joints"], width=size["width"], arch=size["arch"], input_deviation=task["input_deviation"], half=half
        )
        flow = {key: size[f"prior_{key}"] for key in ("blocks", "width", "layers")}
        self.prior = Prior(2 * task["joints"], task["bases"], half=half, **flow).requires_grad_(False)
        children, parents = zip(*task["bones"], strict=True)
        self.children, self.parents = list(children), list(parents)
        self.bone_lengths, self.bone_deviations = (torch.tensor(task[f"bone_{of}"]) for of in ("lengths", "deviations"))
        self.not_root = torch.ones(task["joints"])
        self.not_root[self.root] = 0.0
        self.legs = torch.tensor(task["legs"])  # [2, 3]: left and right; hip, knee, ankle.

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Loads all weights, by the package's names."""
        own = {f"lifter/{name}": value for name, value in self.lifter.state_dict().items()}
        own |= {f"prior/{name}": value for name, value in self.prior.state_dict().items()}
        names = {_package_name(name): name for name in own}
        if missing := sorted(names.keys() ^ weights.keys()):
            raise ValueError(f"weights here and there differ: {', '.join(missing[:5])}")
        for name, values in weights.items():
            own[names[name]].copy_(torch.from_numpy(values.T.copy() if name.endswith("/kernel") else values))

    def gradients(self) -> dict[str, np.ndarray]:
        """Gradients of the lifter's weights, by the package's names."""
        found = {}
        for name, parameter in self.lifter.named_parameters():
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            found[_package_name(f"lifter/{name}")] = (gradient.T if gradient.ndim == 2 else gradient).numpy()
        return found

    def y(self, x):
        """Eq. 2."""
        d, e = self.lifter(x)
        depth = (d * self.not_root + self.distance).clamp(min=1.0)[..., None]
        return torch.cat([x * depth, depth - self.distance], dim=2), e

    def project(self, y):
        """Eq. 3."""
        return y[..., :2] / (y[..., 2:] + self.distance).clamp(min=1.0)

    def terms(self, x, azimuth, noise) -> dict[str, Any]:
        y1, e = self.y(x)
        raised = -e.mean() + e.std() * noise
        R = rotation_x(raised) @ rotation_y(azimuth) @ rotation_x(e)
        y2 = y1 @ R.transpose(1, 2)
        x2 = self.project(y2)
        y2_again, e_again = self.y(x2)
        y1_again = y2_again @ R
        change, change_again = y1[0::2] - y1[1::2], y1_again[0::2] - y1_again[1::2]
        terms = {
            "likelihood": lambda: self.likelihood(x2),
            "bone": lambda: self.bone(y1),
            "lifting": lambda: length(y2_again - y2),
            "deformation": lambda: length(change_again - change).repeat_interleave(2),
            "reprojection": lambda: (self.project(y1_again) - x).abs().sum((1, 2)),
            "knees": lambda: self.knees(y1),
            "elevation": lambda: self.elevation(R, e, e_again),
        }
        return {name: terms[name]() for name in self.task["term_weights"]}

    def loss(self, x, azimuth, noise) -> torch.Tensor:
        """Eq. 12 and 13, with the package's additional terms."""
        terms = self.terms(x, azimuth, noise)
        return sum(weight * terms[name].mean() for name, weight in self.task["term_weights"].items())

    def likelihood(self, x2):
        nll, ceiling = -self.prior(x2), self.task["likelihood_ceiling"]
        if not ceiling:
            return nll
        unit = self.prior.log_volume()
        whitened = nll + unit
        return whitened.clamp(max=ceiling) + ceiling * (whitened.clamp(min=ceiling) / ceiling).log() - unit

    def elevation(self, R, e, e_again):
        """The virtual camera's vertical, levelled by the elevation predicted there, compared with up."""
        up = torch.tensor([0.0, -1.0, 0.0])
        seen = (R @ rotation_x(-e) @ up).detach()
        return ((rotation_x(e_again) @ seen[..., None])[..., 0] - up).square().sum(1)

    def bone(self, y):
        lengths = (y[:, self.children] - y[:, self.parents]).norm(dim=2)
        relative = lengths / lengths.mean(1, keepdim=True)
        return ((relative - self.bone_lengths) / self.bone_deviations).square().sum(1)

    def knees(self, y):
        hip, knee, ankle = (y[:, self.legs[:, i]] for i in range(3))
        across = F.normalize(hip[:, :1] - hip[:, 1:], dim=2).expand_as(hip)
        bend = torch.linalg.cross(F.normalize(knee - hip, dim=2), F.normalize(ankle - knee, dim=2))
        return F.relu(-(bend * across).sum(2)).sum(1)


def length(difference):
    """Norm [B] of pose vectors [B, J, 3]."""
    return difference.flatten(1).norm(dim=1)


def rotation_x(angle):
    c, s, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
    return _matrix([[one, zero, zero], [zero, c, -s], [zero, s, c]])


def rotation_y(angle):
    c, s, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
    return _matrix([[c, zero, s], [zero, one, zero], [-s, zero, c]])


def _matrix(rows: Sequence[Sequence[Any]]):
    return torch.stack([torch.stack(list(row), dim=-1) for row in rows], dim=-2)


def _package_name(name: str) -> str:
    """ "lifter/depth_0.first.weight" -> "lifter/depth_0/first/kernel"; other parameters keep their last name."""
    path, _, last = name.replace(".", "/").rpartition("/")
    return f"{path}/{'kernel' if last == 'weight' else last}"
