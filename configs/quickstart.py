"""ElePose on built-in synthetic motion: nothing to download, and a result within a few minutes.

    python -m tf_elepose.train --config=configs/quickstart.py --workdir=runs/quickstart

Expected: PA-MPJPE well below half of a flat prediction's, mean elevation within 3 degrees of the truth;
docs/results.md has the figures.
Time: about 3 minutes of training on one CPU core.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.completer.epochs = 40.0
    config.lifter.epochs, config.lifter.starts = 80.0, 1  # On synthetic motion the limbs become right from every start.
    config.lifter.evaluate_every = 400
    return config
