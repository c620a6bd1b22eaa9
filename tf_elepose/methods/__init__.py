"""The methods: a paper is one file with its model and its objective; registry.py lists them."""
