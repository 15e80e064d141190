"""pix2pix: Isola et al. 2017 (arXiv:1611.07004), translation from pairs, by an L1 distance and a discriminator of patches.

python train.py --config=configs/pix2pix.py           digits out of their left halves, 16x16, a minute on two CPU cores
python train.py --config=configs/pix2pix.py:l1        the same without the discriminator: digits blur
python train.py --config=configs/pix2pix.py:gan       the same without the L1 distance: farther from the truth
python train.py --config=configs/pix2pix.py:coloured  grey digits to coloured ones: pairs of different channels
python train.py --config=configs/pix2pix.py:paper     pairs of photographs, 256x256: U-Net and 70x70 patches
python train.py --config=configs/pix2pix.py:cpu32     your pairs at 32x32: up to 2.8 minutes on two CPU cores
python train.py --config=configs/pix2pix.py:gpu32     your pairs at 32x32
python train.py --config=configs/pix2pix.py:gpu64     your pairs at 64x64: 0.55 GiB, about 0.17 hours of an L4
python train.py --config=configs/pix2pix.py:gpu128    your pairs at 128x128
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "pix2pix"
    config.game = {"reconstruction": 10.0}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(named("UNetTranslator", width=24, levels=4), adam, schedule=half)
    # Small maps: the discriminator does without norm.
    config.players.discriminator = player(
        named("ConditionalPatchDiscriminator", receptive_field=16, width=24, norm="none"), adam, schedule=half
    )
    config.data.name = "digits_translation"
    config.data.domain = "left_half"
    config.data.aligned = True
    config.batch_size = 32
    config.steps = 1000
    config.log_every, config.sample_every, config.evaluate_every = 50, 250, 500
    return config


def l1() -> ConfigDict:
    config = digits()
    config.game.adversarial = 0.0
    return config


def gan() -> ConfigDict:
    config = digits()
    config.game.reconstruction = 0.0
    return config


def coloured() -> ConfigDict:
    config = digits()
    config.data.domain = "coloured"
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "pix2pix"
    config.game = {"reconstruction": 100.0}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("UNetTranslator"), adam)
    config.players.discriminator = player(named("ConditionalPatchDiscriminator", receptive_field=70), adam)
    config.data.name = "two_folders"
    config.data.path = "data/facades"
    config.data.aligned = True
    config.data.image_size, config.data.load_size = 256, 286
    config.data.crop = "random"
    config.data.flip = True
    config.batch_size = 1
    config.steps = 200 * 400  # 200 epochs of the 400 facades
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def _pairs(config: ConfigDict, size: int, levels: int, receptive_field: int, steps: int) -> ConfigDict:
    config = own_pictures(config, size, batch_size=16, steps=steps, name="two_folders", aligned=True)
    config.players.generator.network.levels = levels
    config.players.discriminator.network.receptive_field = receptive_field
    return config


def gpu(size: int, levels: int, receptive_field: int) -> ConfigDict:
    """The paper's networks, whose U-Net halves images down to one pixel, and its patches as far as they fit in."""
    config = _pairs(paper(), size, levels, receptive_field, steps=40_000)
    for each in config.players.values():
        each.schedule = named("linear_decay", start=0.5)
    return config


VARIANTS = {
    "": digits,
    "l1": l1,
    "gan": gan,
    "coloured": coloured,
    "paper": paper,
    "cpu32": lambda: _pairs(digits(), 32, levels=5, receptive_field=16, steps=4000),
    "gpu32": lambda: gpu(32, levels=5, receptive_field=16),
    "gpu64": lambda: gpu(64, levels=6, receptive_field=34),
    "gpu128": lambda: gpu(128, levels=7, receptive_field=70),
}

# The regression blurs: its differences between neighbouring pixels have less energy than real ones.
_BOUNDS = {"agreement": ">= 0.9", "l1": "<= 0.13", "sharpness": ">= 1", "c2st": "<= 0.85"}
CHECKS = {
    "": Check(_BOUNDS),
    "without the discriminator": Check(_BOUNDS, "l1", control=True),
    "without the L1 distance": Check(_BOUNDS, "gan", control=True),
    "grey to colour": Check({"l1": "<= 0.05"}, "coloured"),
}
