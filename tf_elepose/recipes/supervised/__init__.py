"""The recipe of supervised lifting."""
