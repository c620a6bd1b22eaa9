"""Joint orders and index maps written out by hand from the documents named beside them.

What tests compare the conventions with, joint name by joint name.
"""

TARGET = (
    "root r_hip r_knee r_ankle l_hip l_knee l_ankle spine thorax nose head "
    "l_shoulder l_elbow l_wrist r_shoulder r_elbow r_wrist"
)

COCO = (
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee "
    "l_ankle r_ankle"
)

BODY_25 = (
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist root r_hip r_knee r_ankle l_hip l_knee l_ankle "
    "r_eye l_eye r_ear l_ear l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel"
)
BODY_25B = f"{COCO} upper_neck head l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel"
HALPE_26 = f"{COCO} head neck root l_big_toe r_big_toe l_small_toe r_small_toe l_heel r_heel"


def face(points):
    return " ".join(f"face_{point}" for point in range(points))


def hand(side):
    """OpenPose's 20 joints of a hand; COCO-WholeBody and Halpe have the wrist, hand_root, before them."""
    return (
        "S_thumb_1 S_thumb_2 S_thumb_3 S_thumb_4 S_forefinger_1 S_forefinger_2 S_forefinger_3 S_forefinger_4 "
        "S_middle_finger_1 S_middle_finger_2 S_middle_finger_3 S_middle_finger_4 S_ring_finger_1 S_ring_finger_2 "
        "S_ring_finger_3 S_ring_finger_4 S_pinky_finger_1 S_pinky_finger_2 S_pinky_finger_3 S_pinky_finger_4"
    ).replace("S_", f"{side}_")


HANDS_42 = f"l_hand_root {hand('l')} r_hand_root {hand('r')}"
HANDS_40 = f"{hand('l')} {hand('r')}"

# {convention: joints in order}. h36m: VideoPose3D common/h36m_dataset.py, SPIN, 3d-pose-baseline src/data_utils.py;
# canonpose_16: CanonPose; coco: COCO's person_keypoints categories; halpe_26: Halpe-FullBody; body_25 and
# openpose_coco_18: OpenPose doc/02_output.md; body_25b, body_135: OpenPose src/openpose/pose/poseParameters.cpp;
# coco_wholebody_133, halpe_136: MMPose configs/_base_/datasets; mediapipe_33: MediaPipe pose_landmarker; mpii: the data
# set's page; lsp: its README; mpi3dhp: mmhuman3d keypoints_mapping/mpi_inf_3dhp.py; smpl: its joint names; aic,
# crowdpose: the data sets' pages and MMPose configs/_base_/datasets.
JOINTS = {
    "h36m_17": TARGET,
    "h36m_17_elepose": (
        "root r_hip r_knee r_ankle l_hip l_knee l_ankle spine thorax nose head "
        "r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist"
    ),
    "h36m_17_left_leg_first": (
        "root l_hip l_knee l_ankle r_hip r_knee r_ankle spine thorax nose head "
        "l_shoulder l_elbow l_wrist r_shoulder r_elbow r_wrist"
    ),
    "h36m_32": (
        "root r_hip r_knee r_ankle r_toe_base r_toe_site l_hip l_knee l_ankle l_toe_base l_toe_site hip_dup spine "
        "thorax nose head neck_dup_l l_shoulder l_elbow l_wrist l_wrist_dup l_thumb l_hand_site l_hand_site2 "
        "neck_dup_r r_shoulder r_elbow r_wrist r_wrist_dup r_thumb r_hand_site r_hand_site2"
    ),
    "canonpose_16": (
        "r_hip r_knee r_ankle l_hip l_knee l_ankle root neck nose head r_shoulder r_elbow r_wrist l_shoulder l_elbow "
        "l_wrist"
    ),
    "coco_17": COCO,
    "coco_17_gast": COCO,
    "halpe_26": HALPE_26,
    "body_25": BODY_25,
    "body_25b": BODY_25B,
    "coco_wholebody_133": (f"{COCO} l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel {face(68)} {HANDS_42}"),
    "halpe_136": f"{HALPE_26} {face(68)} {HANDS_42}",
    "openpose_135": f"{BODY_25} {HANDS_40} {face(70)}",
    "body_135": f"{BODY_25B} {HANDS_40} {face(70)}",
    "openpose_coco_18": (
        "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
        "r_eye l_eye r_ear l_ear"
    ),
    "mediapipe_33": (
        "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear mouth_l mouth_r l_shoulder "
        "r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index r_index l_thumb r_thumb l_hip r_hip "
        "l_knee r_knee l_ankle r_ankle l_heel r_heel l_foot_index r_foot_index"
    ),
    "mpii_16": (
        "r_ankle r_knee r_hip l_hip l_knee l_ankle root thorax upper_neck head r_wrist r_elbow r_shoulder l_shoulder "
        "l_elbow l_wrist"
    ),
    "lsp_14": (
        "r_ankle r_knee r_hip l_hip l_knee l_ankle r_wrist r_elbow r_shoulder l_shoulder l_elbow l_wrist neck head"
    ),
    "mpi3dhp_28": (
        "spine3 spine4 spine2 spine root neck head_mid head l_clavicle l_shoulder l_elbow l_wrist l_hand r_clavicle "
        "r_shoulder r_elbow r_wrist r_hand l_hip l_knee l_ankle l_foot l_toe r_hip r_knee r_ankle r_foot r_toe"
    ),
    "mpi3dhp_17": (
        "head neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
        "root spine head_mid"
    ),
    "smpl_24": (
        "root l_hip r_hip spine1 l_knee r_knee spine2 l_ankle r_ankle spine3 l_foot r_foot neck l_collar r_collar "
        "head_joint l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hand r_hand"
    ),
    "aic_14": (
        "r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle head neck"
    ),
    "crowdpose_14": (
        "l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle head neck"
    ),
}

_ = None  # In the maps below: made of several joints, or of none.

# {convention: index of the source joint for each joint of h36m_17}, as the public converters have them: VideoPose3D
# (h36m_32), MMPose inference_3d.py and MotionBERT dataset_action.py (coco, aic, crowdpose), MotionBERT dataset_wild.py
# (halpe), GAST-Net tools/mpii_coco_h36m.py (mpii), MMPose preprocess_mpi_inf_3dhp.py (mpi3dhp), CanonPose.
TO_H36M_17 = {
    "h36m_32": [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27],
    "mpi3dhp_28": [4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16],
    "mpi3dhp_17": [14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4],
    "smpl_24": [0, 2, 5, 8, 1, 4, 7, 6, 12, 15, _, 16, 18, 20, 17, 19, 21],
    "coco_17": [_, 12, 14, 16, 11, 13, 15, _, _, 0, _, 5, 7, 9, 6, 8, 10],
    "halpe_26": [19, 12, 14, 16, 11, 13, 15, _, 18, 0, 17, 5, 7, 9, 6, 8, 10],
    "body_25": [8, 9, 10, 11, 12, 13, 14, _, 1, 0, _, 5, 6, 7, 2, 3, 4],
    "body_25b": [_, 12, 14, 16, 11, 13, 15, _, _, 0, 18, 5, 7, 9, 6, 8, 10],
    "openpose_coco_18": [_, 8, 9, 10, 11, 12, 13, _, 1, 0, _, 5, 6, 7, 2, 3, 4],
    "mediapipe_33": [_, 24, 26, 28, 23, 25, 27, _, _, 0, _, 11, 13, 15, 12, 14, 16],
    "mpii_16": [6, 2, 1, 0, 3, 4, 5, _, 7, 8, 9, 13, 14, 15, 12, 11, 10],
    "lsp_14": [_, 2, 1, 0, 3, 4, 5, _, 12, _, 13, 9, 10, 11, 8, 7, 6],
    "aic_14": [_, 6, 7, 8, 9, 10, 11, _, _, _, _, 3, 4, 5, 0, 1, 2],
    "crowdpose_14": [_, 7, 9, 11, 6, 8, 10, _, _, _, _, 0, 2, 4, 1, 3, 5],
    "canonpose_16": [6, 0, 1, 2, 3, 4, 5, _, 7, 8, 9, 13, 14, 15, 10, 11, 12],
}
# The body comes first in whole-body lists.
BODY_FIRST = {
    "coco_wholebody_133": "coco_17", "halpe_136": "halpe_26", "openpose_135": "body_25", "body_135": "body_25b",
}  # fmt: skip
TO_H36M_17 |= {whole: TO_H36M_17[body] for whole, body in BODY_FIRST.items()}

# The joints marked above, as weights by index; {} is missing. Sources as above.
MADE = {
    "smpl_24": {"head": {15: 2, 12: -1}},
    "coco_17": {
        "root": {11: 1 / 2, 12: 1 / 2},
        "thorax": {5: 1 / 2, 6: 1 / 2},
        "spine": {5: 1 / 4, 6: 1 / 4, 11: 1 / 4, 12: 1 / 4},
        "head": {1: 1 / 2, 2: 1 / 2},
    },
    "halpe_26": {"spine": {18: 1 / 2, 19: 1 / 2}},
    "body_25": {"spine": {8: 1 / 2, 1: 1 / 2}, "head": {15: 1 / 2, 16: 1 / 2}},
    "body_25b": {
        "root": {11: 1 / 2, 12: 1 / 2},
        "thorax": {5: 1 / 2, 6: 1 / 2},
        "spine": {5: 1 / 4, 6: 1 / 4, 11: 1 / 4, 12: 1 / 4},
    },
    "openpose_coco_18": {
        "root": {8: 1 / 2, 11: 1 / 2},
        "spine": {8: 1 / 4, 11: 1 / 4, 1: 1 / 2},
        "head": {14: 1 / 2, 15: 1 / 2},
    },
    "mediapipe_33": {
        "root": {23: 1 / 2, 24: 1 / 2},
        "thorax": {11: 1 / 2, 12: 1 / 2},
        "spine": {23: 1 / 4, 24: 1 / 4, 11: 1 / 4, 12: 1 / 4},
        "head": {2: 1 / 2, 5: 1 / 2},
    },
    "mpii_16": {"spine": {2: 1 / 4, 3: 1 / 4, 12: 1 / 4, 13: 1 / 4}},
    "lsp_14": {"root": {2: 1 / 2, 3: 1 / 2}, "spine": {2: 1 / 4, 3: 1 / 4, 12: 1 / 2}, "nose": {}},
    "aic_14": {
        "root": {9: 1 / 2, 6: 1 / 2},
        "thorax": {3: 1 / 2, 0: 1 / 2},
        "spine": {9: 1 / 4, 6: 1 / 4, 3: 1 / 4, 0: 1 / 4},
        "nose": {13: 3 / 4, 12: 1 / 4},
        "head": {13: 5 / 12, 12: 7 / 12},
    },
    "crowdpose_14": {
        "root": {6: 1 / 2, 7: 1 / 2},
        "thorax": {0: 1 / 2, 1: 1 / 2},
        "spine": {6: 1 / 4, 7: 1 / 4, 0: 1 / 4, 1: 1 / 4},
        "nose": {13: 3 / 4, 12: 1 / 4},
        "head": {13: 5 / 12, 12: 7 / 12},
    },
    "canonpose_16": {"spine": {6: 1 / 2, 7: 1 / 2}},
}
MADE |= {whole: MADE[body] for whole, body in BODY_FIRST.items() if body in MADE}

# Left and right partners by index, in pairs, as the data sets' own documents give them.
SIDES = {
    "h36m_17": ([4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]),
    "h36m_17_elepose": ([4, 5, 6, 14, 15, 16], [1, 2, 3, 11, 12, 13]),
    "h36m_17_left_leg_first": ([1, 2, 3, 11, 12, 13], [4, 5, 6, 14, 15, 16]),
    "h36m_32": ([6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23], [1, 2, 3, 4, 5, 24, 25, 26, 27, 28, 29, 30, 31]),
    "canonpose_16": ([3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]),
    "coco_17": ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]),
    "coco_17_gast": ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]),
    "halpe_26": ([1, 3, 5, 7, 9, 11, 13, 15, 20, 22, 24], [2, 4, 6, 8, 10, 12, 14, 16, 21, 23, 25]),
    "body_25": ([5, 6, 7, 12, 13, 14, 16, 18, 19, 20, 21], [2, 3, 4, 9, 10, 11, 15, 17, 22, 23, 24]),
    "openpose_coco_18": ([5, 6, 7, 11, 12, 13, 15, 17], [2, 3, 4, 8, 9, 10, 14, 16]),
    "mediapipe_33": (
        [1, 2, 3, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31],
        [4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32],
    ),
    "mpii_16": ([3, 4, 5, 13, 14, 15], [2, 1, 0, 12, 11, 10]),
    "lsp_14": ([3, 4, 5, 9, 10, 11], [2, 1, 0, 8, 7, 6]),
    "mpi3dhp_28": ([8, 9, 10, 11, 12, 18, 19, 20, 21, 22], [13, 14, 15, 16, 17, 23, 24, 25, 26, 27]),
    "mpi3dhp_17": ([5, 6, 7, 11, 12, 13], [2, 3, 4, 8, 9, 10]),
    "smpl_24": ([1, 4, 7, 10, 13, 16, 18, 20, 22], [2, 5, 8, 11, 14, 17, 19, 21, 23]),
    "aic_14": ([3, 4, 5, 9, 10, 11], [0, 1, 2, 6, 7, 8]),
    "crowdpose_14": ([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11]),
}
SIDES["body_25b"] = ([1, 3, 5, 7, 9, 11, 13, 15, 19, 20, 21], [2, 4, 6, 8, 10, 12, 14, 16, 22, 23, 24])
for whole, body, feet, left_hand, right_hand in (
    ("coco_wholebody_133", "coco_17", ([17, 18, 19], [20, 21, 22]), range(91, 112), range(112, 133)),
    ("halpe_136", "halpe_26", ([], []), range(94, 115), range(115, 136)),
    ("openpose_135", "body_25", ([], []), range(25, 45), range(45, 65)),
    ("body_135", "body_25b", ([], []), range(25, 45), range(45, 65)),
):
    left, right = SIDES[body]
    SIDES[whole] = ([*left, *feet[0], *left_hand], [*right, *feet[1], *right_hand])
