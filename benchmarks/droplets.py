"""How far feature maps stand out from their mean: StyleGAN's droplets, which StyleGAN2 is without.

    python -m benchmarks.droplets WORKDIR [WORKDIR ...]

StyleGAN2 (Karras et al. 2019, arXiv:1912.04958), section 2: from 64x64 on StyleGAN's maps hold a blob that dominates their
statistics, so that instance norm scales all else down. Measured before normalisation, on the maps that each convolution of the
averaged generator gives: the length of each pixel's features, the largest in an image over the mean of that image; the mean
over 64 images.
"""

import sys

import jax
import numpy as np

from jaxgan.mesh import data_mesh
from jaxgan.training import command_line, trained

_IMAGES = 64


def peaks(maps: np.ndarray) -> np.ndarray:
    """The largest length of a pixel's features over their mean length, of each of the maps (B, H, W, C): (B,)."""
    lengths = np.linalg.norm(np.asarray(maps, np.float64), axis=-1).reshape(len(maps), -1)
    return lengths.max(axis=1) / lengths.mean(axis=1)


def generator_maps(run: trained.Trained, number: int = _IMAGES) -> dict[str, np.ndarray]:
    """The maps (B, H, W, C) that the convolutions of the averaged generator give, by name."""
    player, state = run.plan.game.players["generator"], run.state.players["generator"]
    params, _ = player.constraint.apply(state.params if state.average is None else state.average, state.constraint)
    z = run.snapshot.use("latents", jax.random.key(0), number=number)

    def maps(z: jax.Array) -> dict[str, jax.Array]:
        _, seen = player.network.apply(
            {"params": params},
            z,
            capture_intermediates=True,
            mutable=["intermediates"],
            rngs={"dropout": jax.random.key(1)},
        )
        layers = seen["intermediates"]["synthesis"]
        return {name: layers[name]["__call__"][0] for name in layers if name.startswith("conv_")}

    return {name: np.asarray(value) for name, value in jax.jit(maps)(z).items()}


def main() -> int:
    for folder in sys.argv[1:]:
        with jax.set_mesh(data_mesh()):
            found = generator_maps(trained.load(folder))
        print(folder)
        for name, maps in sorted(found.items(), key=lambda item: (item[1].shape[1], item[0])):
            print(f"  {name:14} {maps.shape[1]:4} pixels  {peaks(maps).mean():6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
