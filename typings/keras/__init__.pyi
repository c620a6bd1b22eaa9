"""What pyright guesses of Keras from its code is often wrong: all is unknown but the names of classes."""

from typing import Any

from keras import layers as layers
from keras import optimizers as optimizers
from tensorflow import Tensor

def __getattr__(name: str) -> Any: ...

class Model(Any): ...

class Variable(Tensor):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
