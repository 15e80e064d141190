"""The programs of the texts: what their configs build has the parameters that the printed programs have."""

import importlib
import itertools
import pathlib

import jax
import pytest

from jaxgan.training.plan import plan_without_data

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def dense(*widths, bias=True):
    return sum(before * after + bias * after for before, after in itertools.pairwise(widths))


def conv(*widths, size=4, bias=True):
    return sum(size * size * before * after + bias * after for before, after in itertools.pairwise(widths))


def norms(*widths):
    return 2 * sum(widths)


def attention(channels):
    """Query and key of an eighth of the channels, value and result, without biases; and gamma."""
    return 4 * channels * (channels // 8) + 1


# 100-512-256-128-64-3, transposed, batch norm after all but the last, no biases
_DCGAN = conv(100, 512, 256, 128, 64, 3, bias=False) + norms(512, 256, 128, 64)
_CYCLEGAN = (
    conv(3, 64, size=7) + conv(64, 128, 256, size=3) + 18 * conv(256, 256, size=3)
    + conv(256, 128, 64, size=3) + conv(64, 3, size=7)
)  # fmt: skip

# By config and variant, for each player: the layers written out, and the number that the text prints, where it prints one.
PRINTED = {
    ("gan", "tutorial"): {
        "generator": (dense(64, 256, 256, 784), 283_920),
        "discriminator": (dense(784, 256, 256, 1), 267_009),
    },
    ("gan", "tutorial_minimax"): {
        "generator": (dense(64, 256, 256, 784), 283_920),
        "discriminator": (dense(784, 256, 256, 1), 267_009),
    },
    # A vector of ten for each of ten classes, beside z and beside the image.
    ("cgan", "tutorial"): {
        "generator": (100 + dense(110, 256, 512, 1024, 784), 1_489_012),
        "discriminator": (100 + dense(794, 1024, 512, 256, 1), 1_470_565),
    },
    ("dcgan", "tutorial"): {
        "generator": (_DCGAN, 3_576_704),
        "discriminator": (conv(3, 64, 128, 256, 512, 1, bias=False) + norms(128, 256, 512), 2_765_568),
    },
    # The same with 128 latents; the critic has biases for norms.
    ("wgan_gp", "tutorial"): {
        "generator": (_DCGAN + conv(28, 512, bias=False), None),
        "discriminator": (conv(3, 64, 128, 256, 512, 1), None),
    },
    ("sagan", "tutorial"): {
        "generator": (_DCGAN + attention(512) + attention(256), None),
        "discriminator": (conv(3, 64, 128, 256, 512, 1) + attention(512) + attention(256), None),
    },
    # Two translators and two discriminators, with biases and without gains.
    ("cyclegan", "tutorial"): {
        **dict.fromkeys(("generator_ab", "generator_ba"), (_CYCLEGAN, 11_378_179)),
        **dict.fromkeys(("discriminator_a", "discriminator_b"), (conv(3, 64, 128, 256, 512, 1), 2_764_737)),
    },
    ("gaussian", "tutorial"): {"generator": (dense(1, 64, 1), None), "discriminator": (dense(1, 64, 1), None)},
}


def test_no_program_is_left_out():
    found = {
        (path.stem, variant)
        for path in CONFIGS.glob("*.py")
        for variant in importlib.import_module(f"configs.{path.stem}").VARIANTS
        if variant.startswith("tutorial")
    }
    assert found == set(PRINTED)


@pytest.mark.parametrize(("name", "variant"), PRINTED)
def test_parameters_of_the_printed_programs(name, variant):
    state = plan_without_data(importlib.import_module(f"configs.{name}").get_config(variant)).abstract_state()
    sizes = {player: sum(leaf.size for leaf in jax.tree.leaves(own.params)) for player, own in state.players.items()}
    expected = PRINTED[name, variant]
    assert sizes == {player: layers for player, (layers, _) in expected.items()}
    assert sizes == {player: printed or layers for player, (layers, printed) in expected.items()}
