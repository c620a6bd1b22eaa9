"""Methods by name; a paper is one file."""

from tf_elepose.methods.canonpose import CanonPose
from tf_elepose.methods.distilled import Distilled
from tf_elepose.methods.elepose import ElePose
from tf_elepose.methods.supervised import Supervised

METHODS = {method.name: method for method in (ElePose, Distilled, Supervised, CanonPose)}
