"""A small BVH file as Mixamo's characters are exported: cm, y up, the person faces +z."""

import pathlib

_LIMBS = """
\tJOINT mixamorig:{0}UpLeg
\t{{
\t\tOFFSET {1}9.0 -6.0 0.0
\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\tJOINT mixamorig:{0}Leg
\t\t{{
\t\t\tOFFSET 0.0 -42.0 0.0
\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\tJOINT mixamorig:{0}Foot
\t\t\t{{
\t\t\t\tOFFSET 0.0 -42.0 0.0
\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\t\tEnd Site
\t\t\t\t{{
\t\t\t\t\tOFFSET 0.0 -8.0 12.0
\t\t\t\t}}
\t\t\t}}
\t\t}}
\t}}"""
_ARM = """
\t\tJOINT mixamorig:{0}Shoulder
\t\t{{
\t\t\tOFFSET {1}6.0 20.0 0.0
\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\tJOINT mixamorig:{0}Arm
\t\t\t{{
\t\t\t\tOFFSET {1}12.0 0.0 0.0
\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\t\tJOINT mixamorig:{0}ForeArm
\t\t\t\t{{
\t\t\t\t\tOFFSET {1}28.0 0.0 0.0
\t\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\t\t\tJOINT mixamorig:{0}Hand
\t\t\t\t\t{{
\t\t\t\t\t\tOFFSET {1}26.0 0.0 0.0
\t\t\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\t\t\t\t\tEnd Site
\t\t\t\t\t\t{{
\t\t\t\t\t\t\tOFFSET {1}8.0 0.0 0.0
\t\t\t\t\t\t}}
\t\t\t\t\t}}
\t\t\t\t}}
\t\t\t}}
\t\t}}"""


def text(frames: int = 3) -> str:
    """A T pose whose hips stand 98 cm above the ground and move 1 cm to the left a frame; the left elbow bends."""
    lines = [
        "HIERARCHY", "ROOT mixamorig:Hips", "{", "\tOFFSET 0.0 0.0 0.0",
        "\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        *(_LIMBS.format(side, sign).strip("\n") for side, sign in (("Left", ""), ("Right", "-"))),
        "\tJOINT mixamorig:Spine", "\t{", "\t\tOFFSET 0.0 26.0 0.0", "\t\tCHANNELS 3 Zrotation Xrotation Yrotation",
        *(_ARM.format(side, sign).strip("\n") for side, sign in (("Left", ""), ("Right", "-"))),
        "\t\tJOINT mixamorig:Neck", "\t\t{", "\t\t\tOFFSET 0.0 22.0 0.0",
        "\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation",
        "\t\t\tJOINT mixamorig:Head", "\t\t\t{", "\t\t\t\tOFFSET 0.0 10.0 0.0",
        "\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation",
        "\t\t\t\tJOINT mixamorig:HeadTop_End", "\t\t\t\t{", "\t\t\t\t\tOFFSET 0.0 18.0 0.0",
        "\t\t\t\t\tCHANNELS 3 Zrotation Xrotation Yrotation", "\t\t\t\t\tEnd Site", "\t\t\t\t\t{",
        "\t\t\t\t\t\tOFFSET 0.0 1.0 0.0", "\t\t\t\t\t}", "\t\t\t\t}", "\t\t\t}", "\t\t}", "\t}", "}",
        "MOTION", f"Frames: {frames}", "Frame Time: 0.0333333",
    ]  # fmt: skip
    joints = 19
    for frame in range(frames):
        numbers = [float(frame), 98.0, 0.0] + [0.0] * (3 * joints)
        elbow = 3 + 3 * 10  # Hips, six of the legs, Spine, Shoulder and Arm come before.
        numbers[elbow] = 90.0  # About z: a left forearm along +x turns up.
        lines.append(" ".join(f"{number:.4f}" for number in numbers))
    return "\n".join(lines) + "\n"


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    (folder / "walk.bvh").write_text(text())
    return f"bvh:{folder / 'walk.bvh'}", {"scale": 10.0}
