from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    return config
