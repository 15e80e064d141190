"""Generative adversarial networks in JAX: games of pure functions, from the first GAN to StyleGAN2."""

__version__ = "0.1.0"

_FROM_PYTHON = ("load", "train")  # of jaxgan.runs, which needs all of the library


def __getattr__(name: str) -> object:
    if name not in _FROM_PYTHON:
        raise AttributeError(f"module 'jaxgan' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("jaxgan.runs"), name)
