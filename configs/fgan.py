"""f-GAN: Nowozin, Cseke and Tomioka 2016 (arXiv:1606.00709), any f-divergence by its convex conjugate.

The divergence is a field: --config.game.divergence=pearson, one of the ten of `jaxgan.losses.DIVERGENCES`.

python train.py --config=configs/fgan.py              digits 16x16 and the KL divergence, a minute on two CPU cores
python train.py --config=configs/fgan.py:kl           a normal density fitted to a mixture of two: KL covers both modes,
python train.py --config=configs/fgan.py:reverse_kl   and the reverse KL seeks one
python train.py --config=configs/fgan.py:paper        MNIST; Parzen-window scores -2,101 to 429 in the paper
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "fgan"
    config.game = {"latent_size": 64, "divergence": "kl", "reuse_fakes": True}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch"),
        adam,
        schedule=half,
        # Without it (Sonderby et al. 2016, arXiv:1610.04490) a haze stays on the black ground, which no real digit has.
        views=(named("instance_noise", deviation=0.1),),
    )
    config.data.name = "digits"
    config.steps = 2000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def kl() -> ConfigDict:
    """Section 2.5: the generator is affine, so that its density is normal whatever it learns."""
    config = default()
    config.system = "fgan"
    # The bound itself, not the practical loss: the divergence is what is studied.
    config.game = {
        "latent_size": 1,
        "divergence": "kl",
        "generator_loss": "theoretical",
        "discriminator_steps": 2,
    }
    adam = named("adam", learning_rate=2e-3, b1=0.5, b2=0.9)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("MLPGenerator", hidden=(), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(
        named("MLPDiscriminator", hidden=(64, 64), activation="tanh"), adam, schedule=half
    )
    config.data.name = "mixture1d"
    config.data.scale = 0.5
    config.batch_size = 256
    config.steps = 6000
    config.evaluate_samples = 10_000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 500, 1000, 2000
    return config


def reverse_kl() -> ConfigDict:
    config = kl()
    config.game.divergence = "reverse_kl"
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "fgan"
    config.game = {"latent_size": 100, "latent": "uniform", "divergence": "kl"}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("MLPGenerator", hidden=(1200, 1200), norm="batch"), adam)
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(240, 240), activation="elu"), adam)
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.batch_size = 4096
    config.steps = 20_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 600, 6000
    return config


VARIANTS = {"": digits, "kl": kl, "reverse_kl": reverse_kl, "paper": paper}

_DIGITS = {"digit_fd": "<= 12", "digits_present": ">= 10"}
# The least divergence that any normal density has from a mixture of two, and whether that one covers both or seeks one.
_NEAREST = {"divergence": "<= 1.15"}
_COVERS, _SEEKS = {"deviation_error": "<= 10"}, {"deviation_error": ">= 60"}


def _nearest(divergence: str, spread: dict[str, str] | None = None, control: bool = False) -> Check:
    changes = {"game.divergence": divergence}
    return Check(_NEAREST | (spread or {}), "kl", changes, control=control, computed="divergence_left")


CHECKS = {
    "": Check(_DIGITS),
    "total variation": Check(_DIGITS, changes={"game.divergence": "total_variation"}),
    # Its T is bounded: where the discriminator is sure, total variation says nothing of where to go.
    "nearest normal in total_variation": _nearest("total_variation", control=True),
    "nearest normal in kl": _nearest("kl", _COVERS),
    "nearest normal in reverse_kl": _nearest("reverse_kl", _SEEKS),
    "nearest normal in pearson": _nearest("pearson", _COVERS),
    "nearest normal in neyman": _nearest("neyman", _SEEKS),
    "nearest normal in squared_hellinger": _nearest("squared_hellinger"),
    "nearest normal in jeffrey": _nearest("jeffrey"),
    "nearest normal in js": _nearest("js"),
    "nearest normal in js_weighted": _nearest("js_weighted"),
    "nearest normal in gan": _nearest("gan"),
}
