"""Runs the same training on one and on two logical CPU devices, for test_replicas.py to compare.

A program of its own, since TensorFlow's devices are fixed once it has started. Argument: the file to write.
"""

import sys

import keras
import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.data.moments import MomentBatches
from tf_elepose.data.pipeline import Batches
from tf_elepose.methods import replicas
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.loop import Loop
from tf_elepose.training.strategy import make_strategy

STEPS = {True: 10, False: 4}
"""{whether steps are compiled to graphs: the number of steps of a run}."""


def elepose():
    return small_models.small_elepose_objective(noise=0.05)[0]


def noisy_prior():
    image, _ = small_models.normalized()
    prior = small_models.small_prior(image)
    small_models.perturb(prior.trainable_variables, 0.1)
    return PriorFitting(prior, noise=0.2)


def svmac():
    return small_models.small_svmac_objective(noise=0.05)[0]


def canonpose():
    return small_models.small_canonpose_objective(noise=0.05, hidden=0.5)[0]


def poses_of(make, objective):
    """The arrays to train on: moments for CanonPose, poses for the other methods."""
    if make is not canonpose:
        return small_models.arrays(objective, small_models.normalized()[0])
    image = small_models.small_canonpose()[1]
    trust = np.random.default_rng(0).uniform(0.2, 1.0, image.shape[:-1]).astype(np.float32)
    trust[::5, 1] = 0.0
    return {"image": image, "confidence": trust, "rig": np.repeat(np.arange(2.0), len(image) // 2)}


# Learning rates that change the weights clearly without divergence.
RATES = {elepose: 2e-5, noisy_prior: 1e-2, canonpose: 3e-4, svmac: 1e-3}
CLIP_NORM = 1000.0  # Below the norm of ElePose's first gradients, so that they are clipped.


def train(make, strategy, *, resident, graphs=True):
    tf.config.run_functions_eagerly(not graphs)
    with strategy.scope():
        objective = make()
        optimizers = {name: keras.optimizers.SGD(RATES[make]) for name in objective.networks}
        for name, network in objective.networks.items():
            optimizers[name].build(network.trainable_variables)
    batches = (MomentBatches if make is canonpose else Batches)(
        poses_of(make, objective), H36M_17, batch_size=16, seed=5, flip=True, resident_bytes=1 << 30 if resident else 0
    )  # fmt: skip
    loop = Loop(
        objective, optimizers, batches, strategy, seed=7, clip_norm=CLIP_NORM, weight_decay=0.1, average_decay=0.9
    )
    everything = [variable for network in objective.networks.values() for variable in network.variables]
    start = np.concatenate([np.ravel(v.numpy()) for v in objective.variables])
    first, rest = loop.run(0, 1), loop.run(1, STEPS[graphs] - 1)
    copies = [
        np.concatenate([np.ravel(strategy.experimental_local_results(v.value)[i].numpy()) for v in objective.variables])
        for i in range(strategy.num_replicas_in_sync)
    ]
    statistics_now = [np.ravel(v.numpy()) for v in everything if not v.trainable]
    averages = np.concatenate([np.ravel(loop.averages[v.path].numpy()) for v in objective.variables])
    names = sorted(first)
    return {
        "start": start, "weights": copies[0], "copy": copies[-1], "averages": averages,
        "statistics": np.concatenate([*statistics_now, np.zeros(0)]),
        "names": np.array(names), "first": np.array([first[n] for n in names]),
        "rest": np.array([rest[n] for n in names]),
    }  # fmt: skip


def statistics(strategy, values):
    """Mean and deviation of `values` [B], and their gradients; each replica has a part of the values."""
    local = len(values) // strategy.num_replicas_in_sync

    def step():
        context = tf.distribute.get_replica_context()
        first = (context.replica_id_in_sync_group if strategy.num_replicas_in_sync > 1 else 0) * local
        x = tf.constant(values)[first : first + local]
        with tf.GradientTape() as tape:
            tape.watch(x)
            mean, deviation = replicas.mean_and_deviation(x)
            # This replica's share of 2 mean + 3 deviation, as for a loss.
            share = (2 * mean + 3 * deviation) / replicas.count()
        drawn = replicas.draw(lambda n: tf.random.stateless_normal(n, [1, 2]), [local, 3])
        return mean, deviation, tape.gradient(share, x), drawn

    parts = [strategy.experimental_local_results(part) for part in tf.function(lambda: strategy.run(step))()]
    return {
        "mean": np.array([p.numpy() for p in parts[0]]), "deviation": np.array([p.numpy() for p in parts[1]]),
        "gradient": np.concatenate([p.numpy() for p in parts[2]]),
        "drawn": np.concatenate([p.numpy() for p in parts[3]]),
    }  # fmt: skip


def main():
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    one, two = make_strategy("one_device"), make_strategy("mirrored")
    assert (one.num_replicas_in_sync, two.num_replicas_in_sync) == (1, 2)
    runs = {
        "one": train(elepose, one, resident=True),
        "two": train(elepose, two, resident=True),
        "one_prior": train(noisy_prior, one, resident=True),
        "one_svmac": train(svmac, one, resident=True, graphs=False),
        "two_svmac": train(svmac, two, resident=True, graphs=False),
        "two_prior_streaming": train(noisy_prior, two, resident=False),
        "one_canonpose": train(canonpose, one, resident=True, graphs=False),
        "two_canonpose": train(canonpose, two, resident=True, graphs=False),
    }
    tf.config.run_functions_eagerly(False)
    values = np.float32([0.1, -0.4, 0.3, 0.2, -0.1, 0.05])
    runs |= {"one_statistics": statistics(one, values), "two_statistics": statistics(two, values)}
    np.savez(sys.argv[1], **{f"{run}/{key}": value for run, part in runs.items() for key, value in part.items()})


if __name__ == "__main__":
    main()
