"""StyleGAN: Karras, Laine and Aila 2018 (arXiv:1812.04948), styles at each layer instead of a latent at the first.

python train.py --config=configs/stylegan.py         digits 16x16, minutes on two CPU cores
python train.py --config=configs/stylegan.py:grown   the same, grown from 4x4
python train.py --config=configs/stylegan.py:paper   1024x1024 faces; FID 4.40 on FFHQ in the paper
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "stylegan"
    config.game = {"latent_size": 32, "gamma": 1.0, "truncated_slots": None, "grow": False}
    adam = named("adam", learning_rate=2e-3, b1=0.0, b2=0.99, eps=1e-8)
    equalized = named("equalized", gain=1.0, rates={"mapping/dense": 0.01})
    config.players.generator = player(
        named("StyleGANGenerator", base_width=256, max_width=32, style_width=32),
        adam,
        constraints=(equalized,),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("StyleGANDiscriminator", base_width=256, max_width=32), adam, constraints=(equalized,)
    )
    config.data.name = "digits"
    config.steps = 2000
    return config


def grown() -> ConfigDict:
    config = digits()
    config.game.update({"grow": True, "first_resolution": 4, "fade_images": 10_000, "stable_images": 10_000})
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "stylegan"
    config.game = {
        "latent_size": 512,
        "gamma": 10.0,
        "batch_sizes": {"8": 256, "16": 128, "32": 64},
    }
    adam = named("adam", learning_rate=1e-3, b1=0.0, b2=0.99, eps=1e-8)
    equalized = named("equalized", gain=1.0, rates={"mapping/dense": 0.01})
    # By resolution, 1.5e-3 at 128, 2e-3 at 256 and 3e-3 above, each from when its level begins to fade in.
    rates = named("piecewise", starts=(4_200_000, 5_400_000, 6_600_000), factors=(1.5, 2.0, 3.0))
    config.players.generator = player(
        named("StyleGANGenerator"),
        adam,
        constraints=(equalized,),
        average=named("half_life", images=10_000),
        schedule=rates,
    )
    config.players.discriminator = player(
        named("StyleGANDiscriminator"), adam, constraints=(equalized,), schedule=rates
    )
    config.data.name = "folder"
    config.data.path = "data/ffhq"
    config.data.image_size = 1024
    config.data.flip = True
    config.batch_size = 32
    config.images = 25_000_000
    config.steps = 0  # the images end the run
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "grown": grown, "paper": paper}

CHECKS = {
    "": Check(
        {"digit_fd": "<= 25", "digits_present": ">= 10", "w_over_z": "<= 0.4"},
        baselines={"w_over_z": "1 (as in Z)"},
        computed="styles",
    ),
    # w is z itself: paths between styles are no smoother than those between latents.
    "without a mapping": Check(
        {"w_over_z": "<= 0.4"},
        changes={"game.mixing": 0.0, "players.generator.network.mapping_layers": 0},
        baselines={"w_over_z": "1 (as in Z)"},
        control=True,
        computed="styles",
    ),
}
