"""The table of learning checks, and what is read from a finished run."""

import dataclasses
import json
import pathlib
import types

import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from benchmarks import computed, zoo
from jaxgan.config import Check
from jaxgan.data import make_source, prepare
from jaxgan.errors import ConfigError
from jaxgan.losses import DIVERGENCES
from jaxgan.mesh import data_mesh
from jaxgan.registry import resolve
from jaxgan.training import train, trained
from jaxgan.training.command_line import load_config
from jaxgan.training.plan import plan_without_data
from jaxgan.training.run_folder import RunFolder

TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


@pytest.mark.parametrize("name", zoo.ROWS)
def test_every_check_is_a_game_that_can_be_built(name):
    row = zoo.ROWS[name]
    config = zoo.configured(row, seed=1)
    assert config.seed == 1 and plan_without_data(config).game.stages
    assert row.check.limits and row.check.computed in ("", *computed.COMPUTED)
    assert set(row.check.baselines) <= set(row.check.bounds)


def test_rows_follow_their_papers_and_begin_with_the_config_itself():
    configs = list(dict.fromkeys(row.config for row in zoo.ROWS.values()))
    assert configs == list(zoo.CONFIGS) and configs[0] == "vae" and configs[-1] == "r3gan"
    ages = [zoo.paper(module).age for module in zoo.CONFIGS.values()]
    assert ages == sorted(ages)
    for name, row in zoo.ROWS.items():
        assert name.partition(": ")[0] == row.config
    for config in configs:
        first = next(name for name, row in zoo.ROWS.items() if row.config == config)
        assert first == config and not zoo.ROWS[first].check.control


def test_a_docstring_names_its_paper():
    gan, cyclegan = zoo.paper(zoo.CONFIGS["gan"]), zoo.paper(zoo.CONFIGS["cyclegan"])
    assert gan == ("GAN", "Goodfellow et al.", "2014", "1406.2661")
    assert gan.age < cyclegan.age == (1703, 10593)
    assert zoo.paper(zoo.CONFIGS["wgan"]).link == "[Arjovsky et al. 2017](https://arxiv.org/abs/1701.07875)"
    two = zoo.Paper("X", "Radford and Metz", "2015", "1511.06434")
    assert two.link == "[Radford and Metz 2015](https://arxiv.org/abs/1511.06434)"
    with pytest.raises(ValueError, match="must begin with 'NAME: Authors year"):
        zoo.paper(json)


def test_a_check_passes_by_holding_and_a_control_by_failing():
    check = Check({"digit_fd": "<= 10", "modes": ">= 8"})
    good = {"digit_fd": 1.0, "modes": 9.0, "step": 5, "seconds": 2.0, "images": 10, "untrained/digit_fd": 200.0}
    good["machine"] = "a card"
    bad = good | {"digit_fd": 50.0}
    # Each machine is named once, as seeds may be trained on several.
    assert zoo.measured("x", check, [good, good | {"machine": "two cores"}, good])["machine"] == "a card; two cores"
    assert zoo.measured("x", check, [good, good])["passes"] and not zoo.measured("x", check, [good, bad])["passes"]
    control = Check(check.bounds, control=True)
    assert zoo.measured("x", control, [bad])["passes"] and not zoo.measured("x", control, [good])["passes"]
    assert zoo.measured("x", check, [good])["metrics"]["digit_fd"]["baseline"] == "200"
    text = zoo.table({"x": zoo.measured("x", check, [good, bad])})
    assert "| x | digit_fd | <= 10 | 200 | 1, 50 | 5 | 2 to 2 | 5 | **FAILS** |" in text


def test_the_pages_are_made_of_the_evidence():
    rows = json.loads((zoo.DOCS / "evidence.json").read_text())
    assert list(rows) == [name for name in zoo.ROWS if name in rows]
    assert (zoo.DOCS / "evidence.md").read_text() == zoo.table(rows)
    assert zoo.summary(rows) + "\n" in (zoo.ROOT / "README.md").read_text()
    for name, entry in rows.items():
        check = zoo.ROWS[name].check
        limits = {metric: f"{side} {bound:g}" for metric, (side, bound) in check.limits.items()}
        assert limits == {metric: value["bound"] for metric, value in entry["metrics"].items()}, name
        values = [
            dict(zip(limits, each, strict=True))
            for each in zip(*(v["values"] for v in entry["metrics"].values()), strict=True)
        ]
        assert entry["control"] == check.control and entry["passes"]
        assert [check.holds(each) for each in values] == [not check.control] * len(values), name


def test_the_readme_has_one_row_for_each_system_with_evidence():
    rows = json.loads((zoo.DOCS / "evidence.json").read_text())
    shown = [line.split(" | ")[0].strip("| ") for line in zoo.summary(rows).splitlines()[2:]]
    assert shown == [name for name in zoo.CONFIGS if name in rows]


def test_a_finished_run_of_another_config_is_no_evidence(tmp_path):
    row = zoo.Row("gan", Check({}, "gaussian1d", {"steps": 1, "evaluate_samples": 64}))
    zoo.run("x", row, 0, tmp_path)
    assert zoo.run("x", row, 0, tmp_path)["step"] == 1
    other = row._replace(check=dataclasses.replace(row.check, changes=dict(row.check.changes) | {"batch_size": 128}))
    with pytest.raises(ConfigError, match=r"was made by another config: batch_size is 256 there and 128 here"):
        zoo.run("x", other, 0, tmp_path)


def test_divergences_of_normal_densities():
    """Against closed forms: of a density from itself, of two normals, of a normal from a mixture."""
    for name in DIVERGENCES:
        same = computed.divergence_of_normal(name, np.array([1.0]), 0.5)
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
        assert computed.divergence_of_normal(name, *apart[1:])(apart[0]) == pytest.approx(value, rel=1e-6), name
    # The nearest by KL has the mixture's mean 2 and variance 1.0625.
    kl, best = computed.divergence_of_normal("kl", np.array([1.0, 3.0]), 0.25), np.sqrt(1.0625)
    excess = np.log(0.8 / best) + (1.0625 + 0.01) / (2 * 0.64) - 0.5
    assert kl((2.1, np.log(0.8))) - kl((2.0, np.log(best))) == pytest.approx(excess, rel=1e-6)


def log(folder, lines):
    lines = [{"images": 8 * line["step"]} | line for line in lines]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_values_of_the_log(tmp_path):
    steps = range(1, 21)
    real = {step: 1.0 / step for step in steps}
    lines = [{"step": s, "discriminator/d_real": real[s], "discriminator/d_fake": -real[s]} for s in steps]
    folder = log(tmp_path, lines + [{"step": s, "wasserstein": 3.0 * real[s] + 1.0} for s in steps])
    assert computed.critic_follows_wasserstein(folder)["rank_correlation"] == pytest.approx(1.0)
    assert computed.verdicts(folder)["d_real"] == pytest.approx((1 / 19 + 1 / 20) / 2)
    measure = [
        {"step": s, "discriminator/convergence": 10.0 / s, "discriminator/gradient_penalty": 0.04} for s in steps
    ]
    folder = log(tmp_path, measure)
    assert computed.gradient_on_the_line(folder)["gradient_norm_error"] == pytest.approx(0.2)
    assert computed.convergence(folder)["convergence_share"] == pytest.approx((10 / 19 + 0.5) / (10 + 5))


def test_what_an_adversary_costs_after_squared_errors(tmp_path):
    config = resolve(zoo.configured(zoo.ROWS["srgan"], 0))
    RunFolder(tmp_path).claim(config, {})
    assert (config.game.pretraining_steps, config.steps) == (1000, 2000)
    values = {500: (38.0, 0.6), 1000: (39.5, 0.5), 1500: (38.0, 0.2), 2000: (38.25, 0.2)}
    log(tmp_path, [{"step": step, "psnr": psnr, "detail": detail} for step, (psnr, detail) in values.items()])
    assert computed.adversarial_stage(tmp_path) == {"psnr_lost": 1.25, "detail_share": pytest.approx(0.4)}


def test_values_of_the_weights(tmp_path):
    config = load_config(f"{TINY}:conditional")  # spectral norm on both players
    config.metrics = ()
    folder = tmp_path / "run"
    train(config, folder)
    with jax.set_mesh(data_mesh()):
        raw = trained.load(folder).state.players["discriminator"].params
    kernels = [np.asarray(leaf).reshape(-1, leaf.shape[-1]) for leaf in jax.tree.leaves(raw) if leaf.ndim > 1]
    expected = np.sqrt(np.mean([np.linalg.svd(kernel)[1][0] ** 2 for kernel in kernels]))
    assert computed.largest_singular_values(folder)["sigma"] == pytest.approx(expected, rel=1e-5)
    # After ten power iterations the norms that are used are near 1, the raw ones are not.
    assert computed.spectral_norms(folder)["sigma_error"] < 0.2 < abs(expected - 1)


def test_what_the_levels_of_a_pyramid_add(tmp_path, monkeypatch):
    """Against samples that are real digits: their residuals are those of reals, and 4x4 cells are hardly read."""
    source = make_source("digits", split="test")
    real = np.asarray(prepare(source.stack())["image"])
    label = source.stack()["label"]
    firsts = np.array([np.flatnonzero(label == one)[0] for one in range(10)])
    samples = real[firsts[np.arange(1000) % 10]]
    game = types.SimpleNamespace(kernel="box")
    players = types.SimpleNamespace(generator={"level_0": None, "level_1": None, "level_2": None})
    config = types.SimpleNamespace(game=game, players=players, data={"name": "digits"})
    run = types.SimpleNamespace(plan=types.SimpleNamespace(config=config), snapshot=types.SimpleNamespace())
    monkeypatch.setattr(computed, "last", lambda folder: run)
    run.snapshot.sample = lambda key, number, label: samples
    values = computed.levels_of_detail(tmp_path)
    assert values["gain"] > 0.1 and values["residual_error"] < 0.15
    # Without any detail there is none to gain, and no residual.
    run.snapshot.sample = lambda key, number, label: np.full_like(samples, -1.0)
    assert computed.levels_of_detail(tmp_path) == pytest.approx({"gain": 0.0, "residual_error": 1.0}, abs=1e-5)


def test_no_affine_generator_can_pass_as_a_normal_density():
    """The least that uniform numbers, shifted and stretched, are from it, by quadrature of the distance of quantiles."""
    source, bound = make_source("gaussian1d"), zoo.ROWS["gaussian"].check.limits["wasserstein"][1]
    shares = (np.arange(100_000) + 0.5) / 100_000
    normal = scipy.stats.norm.ppf(shares, source.mean[0], source.spread[0])
    distance = lambda at: np.abs(at[0] + at[1] * (shares - 0.5) - normal).mean()  # noqa: E731
    least = scipy.optimize.minimize(distance, (4.0, 4.0), method="Nelder-Mead").fun
    assert least == pytest.approx(0.1499, abs=1e-4) and bound < least
