"""The defaults of every method's config, for config files to start from.

A config file is Python with a function get_config(); settings can be changed on the command line:
--config=configs/cmu.py --config.seed=3 --config.lifter.elevation=fixed. Each setting is explained where its default is:
tf_elepose/recipes/METHOD/config.py.
"""

from __future__ import annotations

from tf_elepose.recipes.canonpose.config import get_config as get_canonpose_config
from tf_elepose.recipes.canonpose.config import get_paper_config as get_canonpose_paper_config
from tf_elepose.recipes.distilled.config import get_config as get_distilled_config
from tf_elepose.recipes.elepose.config import get_authors_config, get_config, get_paper_config
from tf_elepose.recipes.links.config import get_config as get_links_config
from tf_elepose.recipes.paper import paper_only
from tf_elepose.recipes.supervised.config import get_config as get_supervised_config
from tf_elepose.recipes.svmac.config import get_authors_config as get_svmac_authors_config
from tf_elepose.recipes.svmac.config import get_config as get_svmac_config
from tf_elepose.recipes.svmac.config import get_paper_config as get_svmac_paper_config

__all__ = [
    "get_authors_config",
    "get_canonpose_config",
    "get_canonpose_paper_config",
    "get_config",
    "get_distilled_config",
    "get_links_config",
    "get_paper_config",
    "get_supervised_config",
    "get_svmac_authors_config",
    "get_svmac_config",
    "get_svmac_paper_config",
    "paper_only",
]
