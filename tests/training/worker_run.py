"""The training command with every model's depths counted as right and a quick completer, for test_multi_worker.py.

A program of its own, since every worker is a process. Such a short run's depths are the wrong way round as often as
not, and only what passes the check leaves a model. Arguments: the command's.
"""

from tf_elepose import train
from tf_elepose.cli import commands
from tf_elepose.evaluation import depth_sign
from tf_elepose.nn import pose_statistics

depth_sign.sign_verdict = lambda summary: "right"
pose_statistics.ITERATIONS = 2

if __name__ == "__main__":
    commands.run(train.main, train.define_flags, tensorflow=True)
