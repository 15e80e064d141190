"""CycleGAN: Zhu et al. 2017 (arXiv:1703.10593), translation between two domains without pairs.

python train.py --config=configs/cyclegan.py                 digits and inverted digits 16x16, a minute on two CPU cores
python train.py --config=configs/cyclegan.py:tinted          digits in many colours, and thresholded ones: which colour goes
                                                             to which, only the identity loss can tell
python train.py --config=configs/cyclegan.py:low_resolution  digits, and 4x4 cells of digits, in which the rest is hidden
python train.py --config=configs/cyclegan.py:paper           two folders of photographs, 256x256, 9 residual blocks
python train.py --config=configs/cyclegan.py:tutorial        monet2photo: a score per image, data resized to 1.12 and cropped
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan

GENERATORS, DISCRIMINATORS = ("generator_ab", "generator_ba"), ("discriminator_a", "discriminator_b")


def get_config(variant: str = "") -> ConfigDict:
    embedded = {"": digits, "tinted": tinted, "low_resolution": low_resolution}
    variants = embedded | {"paper": paper, "tutorial": tutorial}
    return jaxgan.variant(variant, variants)


def _players(config: ConfigDict, generator: dict, discriminator: dict, rate: float, decay: tuple[int, int]) -> None:
    config.system = "cyclegan"
    for name in (*GENERATORS, *DISCRIMINATORS):
        is_generator = name in GENERATORS
        config.players[name] = jaxgan.player(
            jaxgan.named("ResNetTranslator", **generator)
            if is_generator
            else jaxgan.named("PatchDiscriminator", **discriminator),
            jaxgan.named("adam", learning_rate=rate, b1=0.5, b2=0.999),
            schedule=jaxgan.named("linear_decay", start=decay[0], stop=decay[1]),
        )


def digits(config: ConfigDict) -> None:
    config.steps = 300
    # Small maps: the discriminators do without instance norm, which would normalise 4x4 maps.
    _players(
        config,
        generator={"width": 16, "blocks": 2, "downsamples": 1},
        discriminator={"width": 32, "layers": 2, "norm": "none"},
        rate=1e-3,
        decay=(150, 300),
    )
    config.game = {"cycle": 10.0, "identity": 0.0}
    config.data.name = "digits_translation"
    config.data.domain = "inverted"
    config.data.image_size = 16
    config.batch_size = 32
    config.log_every, config.sample_every, config.evaluate_every = 20, 50, 150
    config.metrics = ("translation",)


def tinted(config: ConfigDict) -> None:
    digits(config)
    config.game.identity = 5.0
    config.data.domain = "thresholded"
    config.data.tinted = True


def low_resolution(config: ConfigDict) -> None:
    digits(config)
    config.game.identity = 5.0
    config.data.domain = "low_resolution"


def paper(config: ConfigDict) -> None:
    epoch = 1000  # images of the larger domain, one a step: set it to yours
    config.steps = 200 * epoch
    _players(config, generator={}, discriminator={}, rate=2e-4, decay=(100 * epoch, 200 * epoch))
    config.game = {"cycle": 10.0, "identity": 5.0, "pool_size": 50}
    config.data.name = "two_folders"
    config.data.path = "data/monet2photo"
    config.data.image_size, config.data.load_size = 256, 286
    config.data.crop = "random"
    config.data.flip = True
    config.batch_size = 1
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def tutorial(config: ConfigDict) -> None:
    paper(config)
    for name in DISCRIMINATORS:
        config.players[name].network.global_average = True
    config.data.load_size = 287  # 1.12 times the size
