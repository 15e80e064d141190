"""ProGAN: Karras et al. 2017 (arXiv:1710.10196), networks that grow from 4x4 pixels on.

python train.py --config=configs/progan.py          digits, 4x4 to 32x32, about four minutes on two CPU cores
python train.py --config=configs/progan.py:fixed    the same networks at 32x32 from the start, by as much arithmetic
python train.py --config=configs/progan.py:paper    1024x1024 faces; FID 7.30 on CelebA-HQ in the paper

The paper's numbers are those of its first version, the authors' "preset-v1-1gpu": 800,000 images to fade a level in and as
many more until the next, so that 1024x1024 begins after 12 of the run's 19 million, and the minibatch standard deviation over
up to 16 images, all of a minibatch. Their "preset-v2" takes 600,000, 12 million, and groups of 4.
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "progan"
    config.game = {"latent_size": 64, "fade_images": 8_000, "stable_images": 8_000}
    adam = named("adam", learning_rate=2e-3, b1=0.0, b2=0.99, eps=1e-8)
    # He's constant, but in the last layers, which no rectifier follows.
    equalized = named("equalized", gains={"to_rgb": 1.0, "score": 1.0})
    config.players.generator = player(
        named("ProGANGenerator", base_width=256, max_width=32),
        adam,
        constraints=(equalized,),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("ProGANDiscriminator", base_width=256, max_width=32), adam, constraints=(equalized,)
    )
    config.data.name = "digits"
    config.data.image_size = 32
    config.steps = 1400  # the last level from step 625 on
    return config


def fixed() -> ConfigDict:
    config = digits()
    config.game.first_resolution = 32
    # As many operations: a step takes 0.26, 2.4, 12 and 27 GFLOP at 4, 8, 16 and 32 pixels.
    config.steps = 911
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "progan"
    config.game = {
        "latent_size": 512,
        "fade_images": 800_000,
        "stable_images": 800_000,
        "batch_sizes": {"256": 14, "512": 6, "1024": 3},
    }
    adam = named("adam", learning_rate=1e-3, b1=0.0, b2=0.99, eps=1e-8)
    equalized = named("equalized", gains={"to_rgb": 1.0, "score": 1.0})
    config.players.generator = player(
        named("ProGANGenerator"), adam, constraints=(equalized,), average=named("exponential", decay=0.999)
    )
    config.players.discriminator = player(named("ProGANDiscriminator", group_size=16), adam, constraints=(equalized,))
    for each in config.players.values():
        each.schedule = named("gaussian_ramp", stop=40_000)
    config.data.name = "folder"
    config.data.path = "data/celeba-hq"
    config.data.image_size = 1024
    config.data.flip = True
    config.batch_size = 16
    config.images = 19_000_000  # the last level from image 12,000,000 on
    config.steps = 0  # the images end the run
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "fixed": fixed, "paper": paper}

CHECKS = {"": Check({"digit_fd": "<= 25", "digits_present": ">= 10"})}
