"""The systems whose training steps `benchmarks.speed` times, and the data of a step."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import optax

from jaxgan import gans, networks
from jaxgan.core import Game, Player, averaging, constraints, regularizers


def dcgan(dtype: str) -> Game:
    """DCGAN (Radford et al. 2015) in the layout of PyTorch's tutorial."""
    adam = optax.adam(2e-4, b1=0.5)
    return gans.dcgan(
        Player(networks.DCGANGenerator(width=64, layout="torch", dtype=dtype), adam),
        Player(networks.DCGANDiscriminator(width=64, layout="torch", dtype=dtype), adam),
        latent="normal",
    )


def sngan(dtype: str) -> Game:
    """SNGAN (Miyato et al. 2018) with its CIFAR ResNet, five discriminator turns."""
    adam = optax.adam(2e-4, b1=0.0, b2=0.9)
    discriminator = networks.ResNetDiscriminator(pooling="sum", dtype=dtype)
    return gans.sngan(
        Player(networks.ResNetGenerator(widths=(256,) * 4, dtype=dtype), adam),
        Player(discriminator, adam, constraint=constraints.spectral_norm()),
    )


def biggan(dtype: str) -> Game:
    """BigGAN (Brock et al. 2018) at 32 pixels: width 64, ten classes, two discriminator turns."""
    shared = "shared_embedding"
    return gans.biggan_like(
        Player(
            networks.BigGANGenerator(width=64, dtype=dtype),
            optax.adam(1e-4, b1=0.0),
            constraint=constraints.chain(
                constraints.spectral_norm(shared), regularizers.orthogonal(1e-4, exclude=shared)
            ),
            average=averaging.exponential(0.9999),
        ),
        Player(
            networks.BigGANDiscriminator(width=64, dtype=dtype),
            optax.adam(4e-4, b1=0.0),
            constraint=constraints.spectral_norm(),
        ),
        latent_size=128,
        num_classes=10,
    )


def cyclegan(dtype: str) -> Game:
    """CycleGAN (Zhu et al. 2017) with three residual blocks and the 70x70 PatchGAN."""
    adam = optax.adam(2e-4, b1=0.5)
    translator = Player(networks.ResNetTranslator(blocks=3, dtype=dtype), adam)
    discriminator = Player(networks.PatchDiscriminator(dtype=dtype), adam)
    return gans.cyclegan(translator, translator, discriminator, discriminator)


def pix2pix(dtype: str) -> Game:
    """pix2pix (Isola et al. 2016) at 256 pixels with a quarter of its width: U-Net of eight levels, 70x70 patches of pairs."""
    adam = optax.adam(2e-4, b1=0.5)
    return gans.pix2pix(
        Player(networks.UNetTranslator(width=16, dtype=dtype), adam),
        Player(networks.ConditionalPatchDiscriminator(width=16, dtype=dtype), adam),
    )


def stargan(dtype: str) -> Game:
    """StarGAN (Choi et al. 2017) at 128 pixels with a quarter of its width, two domains, five discriminator turns."""
    adam = optax.adam(1e-4, b1=0.5)
    return gans.stargan(
        Player(networks.StarGANGenerator(width=16, dtype=dtype), adam),
        Player(networks.StarGANDiscriminator(width=16, dtype=dtype), adam),
        domains=("A", "B"),
    )


def stylegan2(dtype: str) -> Game:
    """StyleGAN2 (Karras et al. 2019) at 64 pixels, configuration F with an eighth of its channels, and its lazy terms."""
    equalized = constraints.equalized(gain=1.0, rates={"mapping": 0.01})
    sizes = {"base_width": 2048, "max_width": 64, "dtype": dtype}
    generator = networks.StyleGAN2Generator(**sizes, style_width=64)
    discriminator = networks.StyleGANDiscriminator(**sizes, structure="residual")
    return gans.stylegan2(
        Player(generator, optax.adam(2e-3, b1=0.0), equalized, averaging.exponential(0.999)),
        Player(discriminator, optax.adam(2e-3, b1=0.0), equalized),
        resolution=64,
        latent_size=64,
    )


@dataclasses.dataclass(frozen=True)
class System:
    """What is trained.

    Attributes:
        title: Name in the table.
        game: Makes the game for a compute dtype.
        arrays: Shapes of one example, by their names in a minibatch; () is an integer label below ten.
        batch: Examples in a minibatch, on "cpu" and "gpu".
        minibatches: How many minibatches a step takes, one for each discriminator turn.
        compiles: Whether `torch.compile` takes the networks in PyTorch: not where a loss holds a gradient, for it does not
            differentiate twice; nor with PyTorch's spectral norm, whose vectors change in place between two passes.
    """

    title: str
    game: Callable[[str], Game]
    arrays: Mapping[str, tuple[int, ...]]
    batch: Mapping[str, int]
    minibatches: int = 1
    compiles: bool = True


IMAGE_32, IMAGE_64, IMAGE_128, IMAGE_256 = ((side, side, 3) for side in (32, 64, 128, 256))
SYSTEMS = {
    "dcgan64": System("DCGAN-64", dcgan, {"image": IMAGE_64}, {"cpu": 64, "gpu": 128}),
    "sngan32": System("SNGAN-ResNet-32", sngan, {"image": IMAGE_32}, {"cpu": 16, "gpu": 64}, 5, compiles=False),
    "biggan32": System(
        "BigGAN-32", biggan, {"image": IMAGE_32, "label": ()}, {"cpu": 16, "gpu": 64}, 2, compiles=False
    ),
    "stylegan2_64": System("StyleGAN2-64", stylegan2, {"image": IMAGE_64}, {"cpu": 8, "gpu": 64}, compiles=False),
    "cyclegan64": System("CycleGAN-64", cyclegan, {"a": IMAGE_64, "b": IMAGE_64}, {"cpu": 1, "gpu": 16}),
    "pix2pix256": System("pix2pix-256", pix2pix, {"a": IMAGE_256, "b": IMAGE_256}, {"cpu": 1, "gpu": 16}),
    "stargan128": System(
        "StarGAN-128", stargan, {"a": IMAGE_128, "b": IMAGE_128}, {"cpu": 2, "gpu": 16}, 5, compiles=False
    ),
}


def minibatches(system: System, device: str) -> list[dict[str, np.ndarray]]:
    """The data of one step: noise in [-1, 1] and random labels, the same for every framework."""
    generator = np.random.default_rng(0)
    size = system.batch[device]

    def array(shape: tuple[int, ...]) -> np.ndarray:
        if not shape:
            return generator.integers(0, 10, size, dtype=np.int32)
        return generator.uniform(-1, 1, (size, *shape)).astype(np.float32)

    return [{name: array(shape) for name, shape in system.arrays.items()} for _ in range(system.minibatches)]
