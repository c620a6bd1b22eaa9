"""Keypoint conventions by name, and a user's own convention from a file.

Joint orders and rules come from the documents of the data sets and detectors and from the public converters named
beside them; the joints of skeletons are in skeletons.py. conversion.py converts between conventions.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from tf_elepose.skeleton import skeletons
from tf_elepose.skeleton.conversion import Convention, as_convention, mean_of
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.skeleton.whole_body import face, hands


def get_convention(name_or_path: str) -> Convention:
    """The convention of that name, or the user's own from a YAML file; case, "_" and "-" in names are ignored.

    Raises:
      ValueError: neither a known name nor a readable file; lists the candidates.
    """
    if not isinstance(name_or_path, str):  # An option of a command may be any plain value.
        raise ValueError(f"a convention is a name: expected {candidates()}; got {name_or_path!r}")
    path = pathlib.Path(name_or_path)
    if path.suffix in (".yaml", ".yml", ".json"):
        values = skeletons.read_description(path, "convention")
        if isinstance(values, Mapping) and "parents" in values:  # A skeleton file: its joints.
            return as_convention(Skeleton.from_dict(values, where=f"skeleton file {path}"))
        return Convention.from_dict(values, where=f"convention file {path}")
    if (found := find_convention(name_or_path)) is None:
        raise ValueError(f"unknown convention {name_or_path!r}: expected {candidates()}")
    return found


def find_convention(name: str) -> Convention | None:
    """The known convention of that name (case, "_" and "-" are ignored), or None."""
    by_plain_name = {_plain(known): convention for known, convention in CONVENTIONS.items()}
    return by_plain_name.get(_plain(name))


def candidates(num_joints: int | None = None) -> str:
    """The names a user can give, for error messages: of conventions with `num_joints` joints; all if there are none."""
    fitting = [name for name, c in CONVENTIONS.items() if num_joints is None or c.num_joints == num_joints]
    return "one of " + ", ".join(fitting or CONVENTIONS) + " or the path of a .yaml file"


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _sides(*joints: str) -> tuple[str, ...]:
    """The left and then the right joint of each name, in COCO's order."""
    return tuple(f"{side}_{joint}" for joint in joints for side in "lr")


def _side(side: str, *joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints)


_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_HIPS, _SHOULDERS, _EYES = (_sides("hip"), _sides("shoulder"), _sides("eye"))

# Joints that detectors without a spine lack (MMPose inference_3d.py, MotionBERT dataset_action.py). The head made here
# is between the eyes, lower than Human3.6M's, which is the top of the head.
_PELVIS = {"root": mean_of(*_HIPS)}
_TRUNK = {**_PELVIS, "thorax": mean_of(*_SHOULDERS), "spine": mean_of("root", "thorax")}
_NECK = {"thorax": mean_of("neck"), "spine": mean_of("root", "thorax")}  # Here the neck is Human3.6M's thorax.

_COCO = ("nose", *_sides("eye", "ear", *_ARM, *_LEG))
_HALPE = (*_COCO, "head", "neck", "root", *_sides("big_toe", "small_toe", "heel"))
_FEET_OF_A_SIDE = ("big_toe", "small_toe", "heel")
_FEET = (*_side("l", *_FEET_OF_A_SIDE), *_side("r", *_FEET_OF_A_SIDE))
_OPENPOSE_TOP = ("nose", "neck", *_side("r", *_ARM), *_side("l", *_ARM))
_OPENPOSE_FACE = ("r_eye", "l_eye", "r_ear", "l_ear")
_BODY_25 = (
    *_OPENPOSE_TOP, "root", *_side("r", *_LEG), *_side("l", *_LEG), *_OPENPOSE_FACE, *_FEET,
)  # fmt: skip
_BODY_25B = (*_COCO, "upper_neck", "head", *_FEET)
_MEDIAPIPE = (
    "nose", "l_eye_inner", "l_eye", "l_eye_outer", "r_eye_inner", "r_eye", "r_eye_outer", "l_ear", "r_ear",
    "mouth_l", "mouth_r", *_sides(*_ARM, "pinky", "index", "thumb", *_LEG, "heel", "foot_index"),
)  # fmt: skip
_H36M_32 = (
    "root", "r_hip", "r_knee", "r_ankle", "r_toe_base", "r_toe_site", "l_hip", "l_knee", "l_ankle", "l_toe_base",
    "l_toe_site", "hip_dup", "spine", "thorax", "nose", "head", "neck_dup_l", "l_shoulder", "l_elbow", "l_wrist",
    "l_wrist_dup", "l_thumb", "l_hand_site", "l_hand_site2", "neck_dup_r", "r_shoulder", "r_elbow", "r_wrist",
    "r_wrist_dup", "r_thumb", "r_hand_site", "r_hand_site2",
)  # fmt: skip
_MPI3DHP_28 = (
    "spine3", "spine4", "spine2", "spine", "root", "neck", "head_mid", "head",
    *_side("l", "clavicle", *_ARM, "hand"), *_side("r", "clavicle", *_ARM, "hand"),
    *_side("l", *_LEG, "foot", "toe"), *_side("r", *_LEG, "foot", "toe"),
)  # fmt: skip
_MPI3DHP_17 = (
    "head", "neck", *_side("r", *_ARM), *_side("l", *_ARM), *_side("r", *_LEG), *_side("l", *_LEG),
    "root", "spine", "head_mid",
)  # fmt: skip
_SMPL = (
    "root", "l_hip", "r_hip", "spine1", "l_knee", "r_knee", "spine2", "l_ankle", "r_ankle", "spine3", "l_foot",
    "r_foot", "neck", "l_collar", "r_collar", "head_joint", *_sides(*_ARM, "hand"),
)  # fmt: skip
_CANONPOSE = (
    *_side("r", *_LEG), *_side("l", *_LEG), "root", "neck", "nose", "head", *_side("r", *_ARM), *_side("l", *_ARM)
)  # fmt: skip
_FEET_UP = ("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle")
_ARMS_ACROSS = ("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist")

# AIC and CrowdPose: nose and head are made on the line from the neck to the top of the head (MMPose inference_3d.py).
_ON_THE_NECK = {"nose": {"neck": 3 / 4, "head": 1 / 4}, "head": {"neck": 5 / 12, "head": 7 / 12}}

# GAST-Net tools/mpii_coco_h36m.py: x and y of some joints are made differently.
_GAST = {
    **_PELVIS,
    "thorax": {"l_shoulder": 1 / 3, "r_shoulder": 1 / 3, "nose": 1 / 3},
    "spine": {"l_shoulder": 3 / 4 - 1 / 3, "r_shoulder": 3 / 4 - 1 / 3, "l_hip": 1 / 4, "r_hip": 1 / 4, "nose": -1 / 3},
    "nose": {"nose": 3 / 4, "l_shoulder": 1 / 8, "r_shoulder": 1 / 8},
    "head": mean_of("l_eye", "r_eye", "l_ear", "r_ear"),
}
_GAST_VERTICALLY = {
    "thorax": {"l_shoulder": 1 / 3, "r_shoulder": 1 / 3, "nose": 1.0, "l_eye": -1 / 3, "r_eye": -1 / 3},
    "spine": mean_of(*_SHOULDERS, *_HIPS),
    "head": {"l_eye": 1.0, "r_eye": 1.0, "nose": -1.0},
}


def _named() -> dict[str, Convention]:
    h36m = [as_convention(skeleton) for skeleton in skeletons.SKELETONS.values()]
    others = [
        Convention(
            "h36m_17_left_leg_first",  # SPIN, mmhuman3d "h36m".
            ("root", *_side("l", *_LEG), *_side("r", *_LEG), "spine", "thorax", "nose", "head",
             *_side("l", *_ARM), *_side("r", *_ARM)),
        ),
        Convention("h36m_32", _H36M_32),
        Convention("canonpose_16", _CANONPOSE, _NECK),
        Convention("coco_17", _COCO, {**_TRUNK, "head": mean_of(*_EYES)}),
        Convention("coco_17_gast", _COCO, _GAST, _GAST_VERTICALLY),
        Convention("halpe_26", _HALPE, _NECK),
        Convention("body_25", _BODY_25, {**_NECK, "head": mean_of(*_EYES)}),
        # The upper neck is above Human3.6M's thorax, which is made of the shoulders.
        Convention("body_25b", _BODY_25B, _TRUNK),
        Convention(
            "openpose_coco_18",
            (*_OPENPOSE_TOP, *_side("r", *_LEG), *_side("l", *_LEG), *_OPENPOSE_FACE),
            {**_PELVIS, **_NECK, "head": mean_of(*_EYES)},
        ),
        Convention("mediapipe_33", _MEDIAPIPE, {**_TRUNK, "head": mean_of(*_EYES)}),
        # GAST-Net mpii_h36m: the upper neck is taken as Human3.6M's nose.
        Convention(
            "mpii_16", (*_FEET_UP, "root", "thorax", "upper_neck", "head", *_ARMS_ACROSS),
            {"spine": mean_of(*_HIPS, *_SHOULDERS), "nose": mean_of("upper_neck")},
        ),
        Convention("lsp_14", (*_FEET_UP, *_ARMS_ACROSS, "neck", "head"), {**_PELVIS, **_NECK}),
        Convention("mpi3dhp_28", _MPI3DHP_28, {"thorax": mean_of("neck"), "nose": mean_of("head_mid")}),
        Convention("mpi3dhp_17", _MPI3DHP_17, {"thorax": mean_of("neck"), "nose": mean_of("head_mid")}),
        # SMPL has no top of the head. It is made as far above the head joint as that joint is above the neck.
        Convention(
            "smpl_24", _SMPL,
            {"spine": mean_of("spine2"), "thorax": mean_of("neck"), "nose": mean_of("head_joint"),
             "head": {"head_joint": 2.0, "neck": -1.0}},
        ),
        Convention(
            "aic_14",
            (*_side("r", *_ARM), *_side("l", *_ARM), *_side("r", *_LEG), *_side("l", *_LEG), "head", "neck"),
            {**_TRUNK, **_ON_THE_NECK},
        ),
        Convention("crowdpose_14", (*_sides(*_ARM, *_LEG), "head", "neck"), {**_TRUNK, **_ON_THE_NECK}),
        # Whole bodies: the body's joints first, as in the convention whose rules they share.
        Convention(
            "coco_wholebody_133", (*_COCO, *_FEET, *face(68), *hands(root=True)), {**_TRUNK, "head": mean_of(*_EYES)}
        ),
        Convention("halpe_136", (*_HALPE, *face(68), *hands(root=True)), _NECK),
        # Two orders of 135. OpenPose's lists of body, hands and face put together: the body is BODY_25's. Its model
        # BODY_135: the body is BODY_25B's (mmhuman3d keypoints_mapping/openpose.py).
        Convention("openpose_135", (*_BODY_25, *hands(root=False), *face(70)), {**_NECK, "head": mean_of(*_EYES)}),
        Convention("body_135", (*_BODY_25B, *hands(root=False), *face(70)), _TRUNK),
    ]  # fmt: skip
    return {convention.name: convention for convention in (*h36m, *others)}


CONVENTIONS: dict[str, Convention] = _named()
"""Every convention known by name; skeletons are among them."""
