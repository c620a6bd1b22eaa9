"""The float64 rewrite of ElePose with the weights of a model of the package."""

import elepose_float64 as reference
import small_models

from tf_elepose.skeleton.skeletons import H36M_17


def rewrite(made, weights=None, rule="dataset"):
    """The float64 objective with the weights of `made`, an objective of the package."""
    model = made.model
    weights = weights or small_models.weights64(model.saved_variables())
    place = H36M_17.index
    return reference.Objective(
        lifter=reference.Lifter(weights, model.lifter.arch, model.normalizer.deviation),
        prior=reference.Prior(weights, small_models.PRIOR["blocks"], small_models.PRIOR["layers"]),
        bones=[(place(child), place(parent)) for child, parent in H36M_17.bones],
        bone_lengths=made.bone_prior.lengths,
        bone_deviations=made.bone_prior.deviations,
        legs=[[place(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")] for side in "lr"],
        weights=made.term_weights,
        ceiling=made.likelihood_ceiling,
        pose_scale=model.normalizer.head_to_spread if rule == "pose" else None,
    )  # fmt: skip
