"""BEGAN: Berthelot, Schumm and Metz 2017 (arXiv:1703.10717), autoencoder losses of reals and fakes held in balance.

gamma trades diversity for quality: --config.game.gamma=0.3. The paper's networks have skip connections and vanishing residuals
(section 3.5.1), which carpedm20's program has not; the learning rate is halved at the steps of that program.

python train.py --config=configs/began.py        digits 16x16, a minute and a half on two CPU cores
python train.py --config=configs/began.py:paper  64x64 faces
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "began"
    config.game = {"latent_size": 32, "gamma": 0.9, "gain": 0.5}  # the gain of a run this short
    adam = named("adam", learning_rate=3e-4, b1=0.5, b2=0.999)
    # Held at its first rate, the generator narrows to the digits that are easiest to reconstruct.
    decay = named("linear_decay", start=1 / 3)
    config.players.generator = player(
        named("BEGANGenerator", width=16),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=decay,
    )
    config.players.discriminator = player(named("BEGANAutoencoder", width=16, hidden=24), adam, schedule=decay)
    config.data.name = "digits"
    config.steps = 750
    config.log_every, config.sample_every, config.evaluate_every = 25, 150, 250
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "began"
    config.game = {
        "latent_size": 64,
        "gamma": 0.5,
        "gain": 1e-3,
        "simultaneous": True,
        "vanishing_steps": 16_000,
    }
    adam = named("adam", learning_rate=1e-4, b1=0.9, b2=0.999)  # Adam's own b1: the program's 0.5 is never passed on
    # The paper halves it where the measure of convergence stalls; the program at fixed steps, as here.
    decay = named("exponential_decay", factor=0.5, every=100_000, floor=0.2)
    config.players.generator = player(named("BEGANGenerator", width=64, skip_connections=True), adam, schedule=decay)
    config.players.discriminator = player(
        named("BEGANAutoencoder", width=64, hidden=64, skip_connections=True), adam, schedule=decay
    )
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.batch_size = 16
    config.steps = 500_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

CHECKS = {
    "": Check(
        {
            "digit_fd": "<= 35",
            "digits_present": ">= 8",
            "convergence_share": "<= 0.3",
            "diversity": ">= 0.7",
        },
        computed="balance",
    ),
    "gamma 0.4": Check({"diversity": ">= 0.7"}, changes={"game.gamma": 0.4}, computed="balance", control=True),
}
