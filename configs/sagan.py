"""SAGAN: Zhang et al. 2018 (arXiv:1805.08318), self-attention, spectral norm in both networks, two time scales.

python train.py --config=configs/sagan.py           digits 16x16, two to three minutes on two CPU cores
python train.py --config=configs/sagan.py:paper     ImageNet at 128x128, batch 256; FID 18.65, IS 52.52 in the paper
python train.py --config=configs/sagan.py:tutorial  64x64 faces of a folder, DCGAN's networks with two attentions in each
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "sagan"
    config.game = {"latent_size": 32}
    spectral_norm = named("spectral_norm")
    config.players.generator = player(
        named("ResNetGenerator", widths=(32, 32, 32), attention=(0.5,)),
        named("adam", learning_rate=5e-4, b1=0.0, b2=0.9),
        constraints=(spectral_norm,),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("ResNetDiscriminator", widths=(32, 32, 32), pooling="sum", wide=True, attention=(0.5,)),
        named("adam", learning_rate=2e-3, b1=0.0, b2=0.9),
        constraints=(spectral_norm,),
    )
    config.data.name = "digits"
    config.metrics = ("default", "attention")
    config.steps = 1000
    config.sample_every, config.evaluate_every = 200, 250
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "sagan"
    config.game = {"latent_size": 128, "conditional": True, "num_classes": 1000}
    spectral_norm = named("spectral_norm")
    # Table 1: IS 52.52 with attention at 64x64, FID 18.28 at 32x32; the authors' program has it at 32x32.
    config.players.generator = player(
        named("ResNetGenerator", widths=(1024, 1024, 512, 256, 128, 64), attention=(64,)),
        named("adam", learning_rate=1e-4, b1=0.0, b2=0.9),
        constraints=(spectral_norm,),
    )
    config.players.discriminator = player(
        named(
            "ResNetDiscriminator",
            widths=(64, 128, 256, 512, 1024, 1024),
            downsamples=5,
            pooling="sum",
            wide=True,
            attention=(64,),
        ),
        named("adam", learning_rate=4e-4, b1=0.0, b2=0.9),
        constraints=(spectral_norm,),
    )
    config.data.name = "tfds:imagenet2012"
    config.data.image_size = 128
    config.batch_size = 256
    config.steps = 1_000_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def tutorial() -> ConfigDict:
    config = paper()
    config.game = {"latent_size": 100}
    for each in config.players.values():
        each.network = named("DCGANGenerator", width=64, layout="torch", attention=(4, 8))
    # The last layer of the printed generator has no spectral norm.
    config.players.generator.constraints = (named("spectral_norm", exclude="to_image"),)
    config.players.discriminator.network = named(
        "DCGANDiscriminator", width=64, layout="torch", norm="none", attention=(4, 8)
    )
    config.data.name = "folder"
    config.data.path = "data/anime_faces"
    config.data.image_size = 64
    config.batch_size = 64
    config.steps = 250 * 330  # 250 epochs of some 21,500 faces
    return config


VARIANTS = {"": digits, "paper": paper, "tutorial": tutorial}

_ATTENDS = {"attention_gamma": ">= 0.02", "attention_reach": ">= 0.3"}
_NONE = {f"players.{name}.network.attention": () for name in ("generator", "discriminator")}
CHECKS = {
    # fd_ratio: over the same game without attention, which is trained beside it.
    "": Check(
        {"digit_fd": "<= 10", "fd_ratio": "<= 1.1", "digits_present": ">= 10", **_ATTENDS},
        computed="against_no_attention",
        baselines={"fd_ratio": "1 (no attention)"},
    ),
    "without attention": Check(_ATTENDS, changes=_NONE, control=True),
}
