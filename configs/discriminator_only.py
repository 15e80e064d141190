"""A discriminator alone: Du and Mordatch 2019 (arXiv:1903.08689), whose own gradient leads from noise to the data.

python train.py --config=configs/discriminator_only.py  digits 16x16, two minutes on two CPU cores
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "discriminator_only"
    config.game = {
        "step_size": 1.0,
        "noise": 0.01,
        "gradient_limit": 1.0,
        "chain_steps": 30,
        "sample_steps": 400,
        "kept_chains": 2000,
    }
    config.players.discriminator = player(
        named("MLPDiscriminator", activation="elu"),
        named("adam", learning_rate=5e-4, b1=0.0, b2=0.999),
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=named("linear_decay", start=0.5),
    )
    config.data.name = "digits"
    config.metrics = ("default", "chain_energy")
    config.steps = 3000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 3000
    return config


VARIANTS = {"": digits}

_BOUNDS = {"digit_fd": "<= 30", "digits_present": ">= 9", "energy_fall": ">= 50", "energy_rising": "<= 0"}
CHECKS = {
    "": Check(_BOUNDS),
    # Told from noise alone, the data lie on some hill; where others are it never learns.
    "negatives that are noise": Check(_BOUNDS, changes={"game.chain_steps": 1, "game.fresh_share": 1.0}, control=True),
}
