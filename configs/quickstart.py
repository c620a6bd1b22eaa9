from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.prior.epochs = 5.0
    config.lifter.epochs = 5.0
    return config
