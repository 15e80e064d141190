"""Generative adversarial networks in JAX: games of pure functions, from the first GAN to StyleGAN2."""

__version__ = "0.1.0"
