"""VAE: Kingma and Welling 2013 (arXiv:1312.6114), an encoder and a decoder, the baseline of those with an adversary.

python train.py --config=configs/vae.py              digits 16x16, a minute on two CPU cores
python train.py --config=configs/vae.py:autoencoder  a plain autoencoder, whose decoder serves as a generator
python train.py --config=configs/vae.py:paper        MNIST, one hidden layer of 500 units, grey levels as probabilities
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "vae"
    config.game = {"latent_size": 16}
    adam = named("adam", learning_rate=1e-3, b1=0.9, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.encoder = player(named("MLPEncoder"), adam, schedule=half)
    config.players.generator = player(named("MLPGenerator"), adam, schedule=half)
    config.data.name = "digits"
    config.metrics = ("reconstruction", "default")
    config.steps = 4000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 4000
    return config


def autoencoder() -> ConfigDict:
    config = digits()
    config.game.variational = False
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "vae"
    config.game = {"latent_size": 20, "likelihood": "bernoulli"}
    # The step size is the middle one of the three that the paper chose among; the others here are from memory.
    adagrad = named("adagrad", learning_rate=0.02)
    config.players.encoder = player(named("MLPEncoder", hidden=(500,), activation="tanh"), adagrad)
    config.players.generator = player(named("MLPGenerator", hidden=(500,), activation="tanh"), adagrad)
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.metrics = ("reconstruction",)
    config.batch_size = 100
    config.steps = 200 * 600
    config.log_every, config.sample_every, config.checkpoint_every = 100, 600, 6000
    return config


VARIANTS = {"": digits, "autoencoder": autoencoder, "paper": paper}

# The last bound tells it from `vaegan`, whose reconstructions are sharper.
_BOUNDS = {
    "reconstruction_agreement": ">= 0.93",
    "digit_fd": "<= 29",
    "code_fd": "<= 0.1",
    "reconstruction_sharpness": "<= 0.84",
}
CHECKS = {
    "": Check(_BOUNDS),
    # Where its codes lie nobody has told the decoder of a plain autoencoder: it makes blots of N(0, I).
    "a plain autoencoder": Check(_BOUNDS, "autoencoder", control=True),
}
