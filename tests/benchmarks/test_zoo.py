"""The table of learning checks, and what is read from a finished run."""

import dataclasses
import json
import pathlib

import jax
import numpy as np
import pytest

from benchmarks import checks, derived, zoo
from benchmarks.checks import ABOVE, BELOW, CHECKS, Check
from jaxgan.config import ConfigError, build_game
from jaxgan.losses import DIVERGENCES
from jaxgan.mesh import data_mesh
from jaxgan.training import train, trained
from jaxgan.training.command_line import load_config

TINY = pathlib.Path(__file__).parents[1] / "tiny.py"
TOYS = {"gaussian1d": (1,), "mixture1d": (1,), "ring8": (2,), "grid25": (2,)}


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_is_a_game_that_can_be_built(name):
    config = zoo.configured(CHECKS[name], seed=1)
    size, channels = config.data.image_size, config.data.channels or 1
    build_game(config, TOYS.get(config.data.name, (size, size, channels)), 10)
    assert CHECKS[name].config in checks.PAPERS and CHECKS[name].family in checks.FAMILIES


def test_a_check_holds_when_every_bound_does_and_a_control_passes_by_failing():
    check = Check("gan", {"digit_fd": (BELOW, 10.0), "modes": (ABOVE, 8)})
    assert check.holds({"digit_fd": 10.0, "modes": 8.0})
    assert not check.holds({"digit_fd": 10.1, "modes": 8.0}) and not check.holds({"digit_fd": 1.0, "modes": 7.0})
    good = {"digit_fd": 1.0, "modes": 9.0, "step": 5, "seconds": 2.0, "images": 10, "untrained/digit_fd": 200.0}
    bad = good | {"digit_fd": 50.0}
    assert zoo.row("x", check, [good, good])["passes"] and not zoo.row("x", check, [good, bad])["passes"]
    control = Check("gan", check.bounds, control=True)
    assert zoo.row("x", control, [bad])["passes"] and not zoo.row("x", control, [good])["passes"]
    assert zoo.row("x", check, [good])["metrics"]["digit_fd"]["baseline"] == "200"
    text = zoo.table({"x": zoo.row("x", check, [good, bad])})
    assert "| x | digit_fd | <= 10 | 200 | 1, 50 | 5 | 2 to 2 | 5 | **FAILS** |" in text


def test_the_readme_has_one_row_for_each_system():
    rows = json.loads((zoo.DOCS / "evidence.json").read_text())
    lines = zoo.summary(rows).splitlines()[2:]
    assert len(lines) == len({check.config for check in CHECKS.values()})
    assert [line.split(" | ")[0].strip("| ").split(":")[0] for line in lines] == list(
        dict.fromkeys(check.config for check in CHECKS.values())
    )


def test_a_finished_run_of_another_config_is_no_evidence(tmp_path):
    check = Check("gan", {}, "gaussian1d", {"steps": 1, "evaluate_samples": 64})
    zoo.run("x", check, 0, tmp_path)
    assert zoo.run("x", check, 0, tmp_path)["step"] == 1
    with pytest.raises(ConfigError, match=r"was made by another config: batch_size is 256 there and 128 here"):
        zoo.run("x", dataclasses.replace(check, changes=dict(check.changes) | {"batch_size": 128}), 0, tmp_path)


def test_divergences_of_normal_densities():
    """Against closed forms: of a density from itself, of two normals, of a normal from a mixture."""
    for name in DIVERGENCES:
        same = derived.divergence_of_normal(name, np.array([1.0]), 0.5)
        assert same((1.0, np.log(0.5))) == pytest.approx(0, abs=1e-9), name
    # N(1, 0.5^2) and N(1.3, 0.6^2)
    apart = ((1.3, np.log(0.6)), np.array([1.0]), 0.5)
    forward = np.log(0.6 / 0.5) + (0.25 + 0.09) / 0.72 - 0.5
    backward = np.log(0.5 / 0.6) + (0.36 + 0.09) / 0.5 - 0.5
    overlap = np.sqrt(2 * 0.5 * 0.6 / (0.25 + 0.36)) * np.exp(-0.09 / (4 * 0.61))
    expected = {
        "kl": forward,
        "reverse_kl": backward,
        "jeffrey": forward + backward,
        "squared_hellinger": 2 - 2 * overlap,
    }
    for name, value in expected.items():
        assert derived.divergence_of_normal(name, *apart[1:])(apart[0]) == pytest.approx(value, rel=1e-6), name
    # The nearest by KL has the mixture's mean 2 and variance 1.0625.
    kl, best = derived.divergence_of_normal("kl", np.array([1.0, 3.0]), 0.25), np.sqrt(1.0625)
    excess = np.log(0.8 / best) + (1.0625 + 0.01) / (2 * 0.64) - 0.5
    assert kl((2.1, np.log(0.8))) - kl((2.0, np.log(best))) == pytest.approx(excess, rel=1e-6)


def log(folder, lines):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_values_of_the_log(tmp_path):
    steps = range(1, 21)
    real = {step: 1.0 / step for step in steps}
    lines = [{"step": s, "discriminator/d_real": real[s], "discriminator/d_fake": -real[s]} for s in steps]
    folder = log(tmp_path, lines + [{"step": s, "wasserstein": 3.0 * real[s] + 1.0} for s in steps])
    assert derived.critic_follows_wasserstein(folder)["rank_correlation"] == pytest.approx(1.0)
    assert derived.verdicts(folder)["d_real"] == pytest.approx((1 / 19 + 1 / 20) / 2)
    measure = [
        {"step": s, "discriminator/convergence": 10.0 / s, "discriminator/gradient_penalty": 0.04} for s in steps
    ]
    folder = log(tmp_path, measure)
    assert derived.gradient_on_the_line(folder)["gradient_norm_error"] == pytest.approx(0.2)
    assert derived.convergence(folder)["convergence_share"] == pytest.approx((10 / 19 + 0.5) / (10 + 5))


def test_values_of_the_weights(tmp_path):
    config = load_config(f"{TINY}:conditional")  # spectral norm on both players
    config.metrics = ()
    folder = tmp_path / "run"
    train(config, folder)
    with jax.set_mesh(data_mesh()):
        raw = trained.load(folder).state.players["discriminator"].params
    kernels = [np.asarray(leaf) for leaf in jax.tree.leaves(raw) if leaf.ndim == 2]
    expected = np.sqrt(np.mean([np.linalg.svd(kernel)[1][0] ** 2 for kernel in kernels]))
    assert derived.largest_singular_values(folder)["sigma"] == pytest.approx(expected, rel=1e-5)
    # After ten power iterations the norms that are used are near 1, the raw ones are not.
    assert derived.spectral_norms(folder)["sigma_error"] < 0.2 < abs(expected - 1)
