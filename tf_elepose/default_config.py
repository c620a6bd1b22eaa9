"""Every setting of each method's run with the defaults that other configs start from.

A config file is Python with a function get_config(); settings can be changed on the command line:
--config=configs/cmu.py --config.seed=3 --config.lifter.elevation=fixed
"""

from ml_collections import config_dict


def _common(method: str) -> config_dict.ConfigDict:
    config = config_dict.ConfigDict()
    config.method = method
    # Data: `synthetic` or FORMAT:PATH, and the joints it is wanted in.
    config.data = "synthetic"
    config.data_options = config_dict.ConfigDict()  # Keywords of the reader or of the synthesis.
    config.skeleton = "h36m_17"  # A built-in skeleton or the path of a .yaml file.
    config.poses_2d = "gt"  # gt or detected.
    config.min_confidence = 0.0  # Joints that a detector trusts no more than this are taken as missing.
    # Detected training poses with less noise, by their way through time: auto, always or never; see docs/training.md.
    config.denoise = "auto"
    config.hidden_joints = 0.0  # Share of the joints to hide in all poses, for studies.
    config.flip = True  # Mirrored poses are poses too: double the data.
    config.seed = 0
    config.strategy = "auto"  # auto, mirrored, multi_worker or one_device.
    # Scale: dataset (the paper), clip or pose; distance is the paper's D.
    config.normalization = config_dict.create(rule="dataset", distance=10.0)
    # How the machine is used; none of it changes the mathematics.
    config.loop = config_dict.create(steps_per_call=100, checkpoint_every=500, jit_compile=False)
    return config


def get_config() -> config_dict.ConfigDict:
    config = _common("elepose")
    config.bone_prior = "estimate"  # From the training data; "skeleton" takes what the skeleton states.

    # Fills in missing joints, for every later stage and for lifting.
    completer = config.completer = config_dict.ConfigDict()
    completer.width = 512
    completer.precision = "auto"  # As the lifter's.
    completer.batch_size = 1024
    completer.epochs = 80.0  # 0: no completer; the model then lifts complete poses only.
    completer.evaluate_every = 200  # Steps; the best of these moments is kept.
    completer.optimizer = _optimizer(learning_rate=4e-3, average_decay=0.998)

    config.prior = _prior(blocks=8, width=256)
    config.prior.bases = 26  # PCA bases; 0 for the ablation without PCA.

    lifter = config.lifter = config_dict.ConfigDict()
    lifter.arch = "code"  # code or paper, see nn/lifters.py.
    lifter.width = 256
    lifter.elevation = "predicted"  # "fixed": the uniform prior of earlier work (ablation).
    lifter.flip_average = True  # Average each pose with that of its mirror image, at twice the arithmetic.
    lifter.likelihood_ceiling = 125.0
    lifter.precision = "auto"  # float32, mixed_bfloat16, or whichever is faster on this machine.
    # Eq. 13, a term for knees that bend backwards, and one for the virtual camera's elevation, which is known.
    lifter.term_weights = config_dict.create(
        likelihood=1.0, bone=50.0, lifting=1.0, deformation=1.0, reprojection=1.0, knees=10.0, elevation=300.0
    )
    lifter.batch_size = 1024
    # First weights that are tried, each for so many steps (an eighth of the lifter's, if that is less); where the
    # objective and the knees are best, training goes on. 1: none to choose among.
    lifter.starts = 3
    lifter.start_steps = 250
    lifter.epochs = 120.0
    lifter.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    lifter.optimizer = _optimizer(learning_rate=4e-3, average_decay=0.999)
    return config


def get_paper_config() -> config_dict.ConfigDict:
    """The sizes and the schedule that ElePose's authors trained with (section 3, "Training Details").

    What is not in the paper: gradients are clipped, the likelihood of hopeless poses is flattened, poses are flipped,
    backward knees are punished, a completer is trained, and bone lengths are estimated from the poses unless the config
    says `bone_prior = "skeleton"`, as by default.
    """
    config = get_config()
    prior = config.prior
    prior.width, prior.layers, prior.noise = 1024, 2, 0.0
    prior.batch_size, prior.epochs = 256, 100.0
    prior.optimizer = {
        "learning_rate": 1e-4,
        "schedule": "steps",
        "epochs": (10.0, 20.0, 30.0),
        "factor": 0.1,
        "weight_decay": 1e-5,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }

    lifter = config.lifter
    lifter.arch, lifter.width, lifter.precision = "paper", 1024, "float32"
    lifter.flip_average, lifter.term_weights.elevation, lifter.starts = False, 0.0, 1
    lifter.batch_size, lifter.epochs = 256, 100.0
    lifter.optimizer = {
        "learning_rate": 2e-4,
        "schedule": "exponential",
        "decay": 0.95,
        "weight_decay": 1e-5,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config


def get_links_config() -> config_dict.ConfigDict:
    """Of LInKs: ElePose's, a lifter and a flow for each half of the body; the PCA bases are shared out by joints."""
    config = get_config()
    config.method = "links"

    # Fills in a half of which nothing is seen, in 3D.
    filler = config.filler = config_dict.ConfigDict()
    filler.width = 256
    filler.precision = "auto"  # As the lifter's.
    filler.batch_size = 1024
    filler.epochs = 20.0  # 0: no fillers; missing halves are completed in 2D.
    filler.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    filler.optimizer = _optimizer(learning_rate=2e-3, average_decay=0.998)
    return config


def get_distilled_config() -> config_dict.ConfigDict:
    """A student of a trained ElePose; what each setting of the views is worth: docs/pretrained.md."""
    config = _common("distilled")
    config.teacher = ""  # Workdir or model.npz of an elepose trained with normalization.rule=pose.
    config.normalization.rule = "pose"  # The teacher's.
    # What the student sees, see methods/virtual_views.py. Lengths are shares of root to head.
    config.views = config_dict.create(
        elevation_deg=18.0,
        elevation_spread_deg=12.0,
        roll_deg=12.0,
        nearest=3.5,
        farthest=12.0,
        bones=0.2,
        joints=0.03,
        face=0.35,
        noise=0.04,
        outliers=0.01,
        outlier_distance=0.4,
        swaps=0.02,
        hidden=0.4,
        most_hidden=0.5,
    )
    # Of the teacher's bases; with epochs=0 the teacher's prior is kept, which is larger.
    config.prior = _prior(blocks=4, width=64)
    student = config.student = config_dict.ConfigDict()
    student.width = 512
    student.depth = 3
    student.precision = "auto"  # As the lifter's.
    student.term_weights = config_dict.create(pose=1.0, elevation=0.2)
    student.batch_size = 1024
    student.epochs = 120.0
    student.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    student.optimizer = _optimizer(learning_rate=2e-3, average_decay=0.999)
    student.optimizer.clip_norm = 1.0
    return config


def get_canonpose_config() -> config_dict.ConfigDict:
    """CanonPose: several cameras to learn from."""
    config = _common("canonpose")
    config.normalization.rule = "pose"  # Section 3.1: every pose is brought to one size.
    config.cameras = 0  # How many of the cameras to learn from; 0 is all.
    config.rig = "clip"  # How long cameras stand still: clip, or subject (Human3.6M).

    lifter = config.lifter = config_dict.ConfigDict()
    lifter.width = 256
    lifter.confidences = True  # Section 3.3; False is the ablation without them.
    lifter.hidden = 0.2  # Share of the views of which joints are hidden in training; 0: only complete poses are lifted.
    lifter.flip_average = True  # Average each pose with that of its mirror image, at twice the arithmetic.
    lifter.precision = "auto"  # float32, mixed_bfloat16, or whichever is faster on this machine.
    # Eq. 5 of each view by itself, of views mixed, eq. 8 ("+C", for cameras that stand still); knees that bend
    # backwards; and table 4's direct equalities, which fail.
    lifter.term_weights = config_dict.create(
        reprojection=1.0, view=1.0, camera=0.1, knees=0.1, pose_equality=0.0, camera_equality=0.0
    )
    lifter.batch_size = 64  # Moments.
    lifter.epochs = 60.0
    lifter.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    lifter.optimizer = _optimizer(learning_rate=1e-3, average_decay=0.999)
    return config


def get_canonpose_paper_config() -> config_dict.ConfigDict:
    """The sizes and the schedule of the paper and its code (section 3.5).

    What is not in the paper: gradients are clipped, poses are flipped, backward knees are punished and joints are
    hidden in training, as by default.
    """
    config = get_canonpose_config()
    lifter = config.lifter
    lifter.width, lifter.precision, lifter.flip_average = 1024, "float32", False
    lifter.batch_size, lifter.epochs = 32, 100.0
    lifter.optimizer = {
        "learning_rate": 1e-4,
        "schedule": "steps",
        "epochs": (30.0, 60.0, 90.0),
        "factor": 0.1,
        "weight_decay": 0.0,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config


def _prior(blocks: int, width: int) -> config_dict.ConfigDict:
    """A flow of that size, and how it is trained."""
    prior = config_dict.create(blocks=blocks, width=width, layers=1)
    prior.held_out = 0.1  # Share of the training clips that choose the moment to stop.
    prior.noise = 0.1
    prior.batch_size = 1024
    prior.epochs = 40.0
    prior.evaluate_every = 100  # Steps; the best of these moments is kept.
    prior.optimizer = _optimizer(learning_rate=1e-3, average_decay=0.998)
    return prior


def _optimizer(learning_rate: float, average_decay: float) -> config_dict.ConfigDict:
    """Adam with a cosine; options of the other schedules are in training/schedules.py."""
    return config_dict.create(
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=0.02,
        floor=0.0,
        weight_decay=0.0,
        clip_norm=20.0,
        average_decay=average_decay,
    )


def get_supervised_config() -> config_dict.ConfigDict:
    """Of the supervised line: the data and the loop of ElePose, one network."""
    config = _common("supervised")
    lifter = config.lifter = config_dict.ConfigDict()
    lifter.width = 512
    lifter.flip_average = True
    lifter.precision = "auto"
    lifter.batch_size = 1024
    lifter.epochs = 40.0
    lifter.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    lifter.optimizer = _optimizer(learning_rate=2e-3, average_decay=0.999)
    return config


def get_svmac_config() -> config_dict.ConfigDict:
    """Of SVMAC."""
    config = _common("svmac")
    config.supervised_share = 0.0  # Of the poses, whose 3D poses are learnt from too.
    generator = config.generator = config_dict.ConfigDict()
    generator.angles = 2  # n.
    generator.width = 256
    generator.critic_width = 256
    generator.critic_bases = 26  # PCA bases that the critic sees, whitened; 0 for plain coordinates.
    generator.critic_steps = 2  # Updates for each of the generator.
    generator.critic_rate = 2.5  # Its learning rate over the generator's.
    generator.batch_norm = False
    generator.dropout = 0.0
    generator.flip_average = True
    generator.precision = "auto"
    # Eq. 24; knees that bend backwards; the distance from known 3D poses.
    generator.term_weights = config_dict.create(
        adversarial=2.0, angle=1.0, camera=1.0, symmetry=1.0, lifting=2.0, consistency=300.0, knees=1.0, supervision=1.0
    )
    generator.batch_size = 512
    generator.epochs = 20.0
    generator.evaluate_every = 200  # Steps; only shown, nothing is selected.
    generator.optimizer = _optimizer(learning_rate=1e-3, average_decay=0.99)
    generator.optimizer.betas = (0.7, 0.9)
    return config


def get_svmac_paper_config() -> config_dict.ConfigDict:
    """The weights and the optimizer of section 3.5 of SVMAC, with its hidden layers (section 3.1).

    The paper says neither widths, nor the share that is dropped, nor batch size, epochs or updates of the critic: these
    are guesses. What is not in it: the critic sees whitened components, and backward knees are punished, as by default.
    """
    config = get_svmac_config()
    generator = config.generator
    generator.width = generator.critic_width = 1024
    generator.critic_rate, generator.critic_steps = 1.0, 5
    generator.batch_norm, generator.dropout, generator.flip_average, generator.precision = True, 0.1, False, "float32"
    generator.term_weights.update(adversarial=1.0, lifting=0.1, symmetry=0.01, consistency=10.0)
    generator.batch_size, generator.epochs = 256, 100.0
    generator.optimizer = {
        "learning_rate": 5.5e-5,
        "schedule": "constant",
        "betas": (0.7, 0.9),
        "weight_decay": 0.0,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config


METHODS = {
    "elepose": get_config,
    "links": get_links_config,
    "distilled": get_distilled_config,
    "supervised": get_supervised_config,
    "canonpose": get_canonpose_config,
    "svmac": get_svmac_config,
}
"""The defaults of each method's config."""
