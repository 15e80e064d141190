"""StackGAN++: Zhang et al. 2017 (arXiv:1710.10916), a tree of generators, with text.

python train.py --config=configs/stackgan_v2.py        digits with captions, 4x4, 8x8 and 16x16, half an hour on one CPU core
python train.py --config=configs/stackgan_v2.py:paper  birds of CUB with embedded captions, 64x64, 128x128 and 256x256
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def captions() -> ConfigDict:
    config = default()
    config.system = "stackgan_v2"
    config.game = {"latent_size": 16, "condition_size": 32, "text_steps": 3000, "kl_weight": 0.002}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    config.players.generator = player(
        named("StackGANv2Generator", trunk_widths=(128,), widths=(64, 32), blocks=1),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    judge = {"condition_width": 64, "joint_kernel": 3, "separate": True}
    config.players.discriminator = {
        "level_0": player(named("StackGANDiscriminator", widths=(96,), **judge), adam),
        "level_1": player(named("StackGANDiscriminator", widths=(64, 96), **judge), adam),
        "level_2": player(named("StackGANDiscriminator", widths=(32, 64, 96), **judge), adam),
    }
    encoder = named("adam", learning_rate=2e-3)
    config.players.text_encoder = player(
        named("CharCNNRNN", widths=(64, 96), pools=(3, 3), units=96, embedding_size=64), encoder
    )
    config.players.image_encoder = player(named("ImageEncoder", widths=(32, 64, 96), embedding_size=64), encoder)
    config.data.name = "captions"
    config.steps = 4800
    config.log_every, config.sample_every, config.evaluate_every = 100, 1200, 1200
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "stackgan_v2"
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("StackGANv2Generator"), adam, average=named("exponential", decay=0.999))
    judge = {"joint_kernel": 3, "separate": True, "orthogonal": True}
    widths = (64, 128, 256, 512)
    config.players.discriminator = {
        "level_0": player(named("StackGANDiscriminator", widths=widths, **judge), adam),
        "level_1": player(named("StackGANDiscriminator", widths=(*widths, 1024), narrow_widths=(512,), **judge), adam),
        "level_2": player(
            named("StackGANDiscriminator", widths=(*widths, 1024, 2048), narrow_widths=(1024, 512), **judge), adam
        ),
    }
    config.game = {"mismatched_weight": 1.0}
    config.data.name = "folder"
    config.data.path = "data/birds"
    config.data.text = "data/birds.npz"
    config.data.image_size, config.data.load_size = 256, 304
    config.data.crop = "random"
    config.data.flip = True
    config.batch_size = 24
    config.steps = 220_000  # 600 epochs of 8,855 pictures
    config.log_every, config.sample_every, config.checkpoint_every = 100, 2000, 5000
    return config


VARIANTS = {"": captions, "paper": paper}

# A size beside the one before, enlarged to its own: it shows more of what the text asks for, is nearer to real pictures, and
# has the same colours, far nearer than those of another picture.
_TOLD = {
    "caption_accuracy": ">= 0.9",
    "digit_accuracy": ">= 0.75",
    "gain": ">= 0.01",
    "fd_ratio": "<= 0.8",
    "colour_error": "<= 0.35",
}
CHECKS = {
    "": Check(_TOLD, computed="levels_of_text"),
    # Embeddings of encoders that have hardly learned what the words mean, in as many steps of the game itself.
    "encoders that are not trained": Check(
        _TOLD, changes={"game.text_steps": 1, "steps": 1801}, control=True, computed="levels_of_text"
    ),
}
