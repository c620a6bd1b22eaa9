"""The float64 rewrite of ElePose with the weights of a method of the package."""

import elepose_float64 as reference
import small_models

from tf_elepose.skeleton.skeletons import H36M_17


def rewrite(method, weights=None, rule="dataset"):
    """The float64 objective with the method's weights."""
    weights = weights or small_models.weights64(method.saved_variables())
    place = H36M_17.index
    return reference.Objective(
        lifter=reference.Lifter(weights, method.lifter.arch, method.normalizer.deviation),
        prior=reference.Prior(weights, small_models.PRIOR["blocks"], small_models.PRIOR["layers"]),
        bones=[(place(child), place(parent)) for child, parent in H36M_17.bones],
        bone_lengths=method.bone_prior.lengths,
        bone_deviations=method.bone_prior.deviations,
        legs=[[place(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")] for side in "lr"],
        weights=method.term_weights,
        ceiling=method.likelihood_ceiling,
        pose_scale=method.normalizer.head_to_spread if rule == "pose" else None,
    )  # fmt: skip
