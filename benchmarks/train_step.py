"""Samples a second of the lifter's step: python -m benchmarks.train_step [--rounds=5]

Graph and XLA, float32 and bfloat16 products, the same networks and data, taken in turn (A B C D A B C D ...) in one
process, so that a machine's drift meets all of them. Writes benchmarks/results/train_step.json.
"""

from __future__ import annotations

import pathlib
import statistics
import time

from absl import flags

from tf_elepose import commands, files

VARIANTS = {
    "graph, float32": {"jit_compile": False, "precision": "float32"},
    "XLA, float32": {"jit_compile": True, "precision": "float32"},
    "graph, bfloat16": {"jit_compile": False, "precision": "mixed_bfloat16"},
    "XLA, bfloat16": {"jit_compile": True, "precision": "mixed_bfloat16"},
}


def define_flags() -> None:
    flags.DEFINE_integer("rounds", 5, "How often every variant is measured.", lower_bound=1)
    flags.DEFINE_integer("steps", 40, "Steps a measurement.", lower_bound=1)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.provenance import provenance

    options = flags.FLAGS
    loops, first_call, batch_size = {}, {}, 0
    for name, variant in VARIANTS.items():
        loops[name], batch_size = _make_loop(**variant)
        began = time.perf_counter()
        loops[name].run(0, 1)
        first_call[name] = time.perf_counter() - began
    rates: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for measured in range(options.rounds):
        for name, loop in loops.items():
            began = time.perf_counter()
            loop.run(1 + measured * options.steps, options.steps)
            rates[name].append(batch_size * options.steps / (time.perf_counter() - began))
    base = rates[next(iter(VARIANTS))]
    rows = [
        {
            "variant": name,
            "samples_per_second": round(statistics.median(rates[name])),
            "lowest": round(min(rates[name])),
            "highest": round(max(rates[name])),
            # The median of the ratios of neighbours in time, not the ratio of medians.
            "ratio": round(statistics.median(a / b for a, b in zip(rates[name], base, strict=True)), 2),
            "first_call_s": round(first_call[name], 1),
        }
        for name in VARIANTS
    ]
    for row in rows:
        print(row)
    results = pathlib.Path(options.results)
    results.mkdir(parents=True, exist_ok=True)
    made = {"batch_size": batch_size, "rounds": options.rounds, "steps": options.steps, "rows": rows, **provenance()}
    files.write_json(results / "train_step.json", made)
    return 0


def _make_loop(jit_compile: bool, precision: str):
    """A loop over the lifter's step at the default config's size, and its batch size."""
    import keras

    from tf_elepose import default_config
    from tf_elepose.anthropometry import stated_bone_prior
    from tf_elepose.data.pipeline import Batches
    from tf_elepose.data.synthetic import synthesize
    from tf_elepose.methods.elepose import ElePose
    from tf_elepose.nn import pca
    from tf_elepose.nn.pose_prior import PosePrior
    from tf_elepose.normalization import Normalizer
    from tf_elepose.skeletons import H36M_17
    from tf_elepose.training.loop import Loop
    from tf_elepose.training.strategy import make_strategy

    config = default_config.get_config()
    poses = synthesize(H36M_17).of_split("train").poses_2d
    normalizer = Normalizer.fit(poses, H36M_17, **config.normalization.to_dict())
    image, _ = normalizer.apply(poses)
    size = {key: config.prior[key] for key in ("blocks", "width", "layers")}
    strategy = make_strategy()
    with strategy.scope():
        prior = PosePrior(pca.fit_pca(image.reshape(len(image), -1), config.prior.bases), **size)
        prior.build()
        method = ElePose(
            H36M_17, normalizer, prior, bone_prior=stated_bone_prior(H36M_17),
            term_weights=config.lifter.term_weights.to_dict(), width=config.lifter.width, arch=config.lifter.arch,
            likelihood_ceiling=config.lifter.likelihood_ceiling, precision=precision,
        )  # fmt: skip
        optimizer = keras.optimizers.Adam(1e-4)
        optimizer.build(method.lifter.trainable_variables)
    batches = Batches({"image": image}, H36M_17, batch_size=config.lifter.batch_size, seed=0, flip=True)
    loop = Loop(
        method, {"lifter": optimizer}, batches, strategy, seed=0, clip_norm=config.lifter.optimizer.clip_norm,
        jit_compile=jit_compile, average_decay=config.lifter.optimizer.average_decay,
    )  # fmt: skip
    return loop, batches.batch_size


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
