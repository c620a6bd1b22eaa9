"""Networks: Keras models and the linear subspace, without losses or loops."""
