"""Methods by name; a paper is one file."""

from tf_elepose.methods.canonpose import CanonPose
from tf_elepose.methods.distilled import Distilled
from tf_elepose.methods.elepose import ElePose
from tf_elepose.methods.links import LInKs
from tf_elepose.methods.supervised import Supervised
from tf_elepose.methods.svmac import SVMAC

METHODS = {method.name: method for method in (ElePose, LInKs, Distilled, Supervised, CanonPose, SVMAC)}
