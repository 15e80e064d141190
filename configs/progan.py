"""ProGAN: Karras et al. 2017 (arXiv:1710.10196), networks that grow from 4x4 pixels on.

python train.py --config=configs/progan.py          digits, 4x4 to 32x32, about four minutes on two CPU cores
python train.py --config=configs/progan.py:paper    1024x1024 faces; FID 7.30 on CelebA-HQ in the paper
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan
from jaxgan.networks import PROGAN_GAINS


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "paper": paper})


def _players(config: ConfigDict, rate: float, **network: int) -> None:
    config.system = "progan"
    for name, architecture in (("generator", "ProGANGenerator"), ("critic", "ProGANDiscriminator")):
        config.players[name] = jaxgan.player(
            jaxgan.named(architecture, **network),
            jaxgan.named("adam", learning_rate=rate, b1=0.0, b2=0.99, eps=1e-8),
            constraint=jaxgan.named("equalized", gains=dict(PROGAN_GAINS)),
        )


def digits(config: ConfigDict) -> None:
    _players(config, rate=2e-3, base_width=256, max_width=32)
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.game = {"latent_size": 64, "fade_images": 8_000, "stable_images": 8_000}
    config.data.name = "digits"
    config.data.image_size = 32
    config.batch_size = 64
    config.steps = 1400  # the last level from step 625 on
    config.metrics = ("digit_fd",)


def paper(config: ConfigDict) -> None:
    _players(config, rate=1e-3)
    # 0.999 at 16 images a step, said by images because the minibatch shrinks as the networks grow.
    config.players.generator.average = jaxgan.named("half_life", images=11_085)
    config.game = {
        "latent_size": 512,
        "fade_images": 800_000,
        "stable_images": 800_000,
        "batch_sizes": {"256": 14, "512": 6, "1024": 3},
    }
    config.data.name = "folder"
    config.data.path = "data/celeba-hq"
    config.data.image_size = 1024
    config.data.flip = True
    config.batch_size = 16
    config.images = 12_000_000
    config.steps = 0  # the images end the run
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
