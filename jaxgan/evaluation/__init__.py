"""Measuring a game, or a folder of images, against a reference: what `jaxgan.evaluate` and training share."""
