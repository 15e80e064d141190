"""The package as others get it: a wheel that carries what it needs, and rooms whose imports run one way."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PROGRAM = """
import jax, jax.numpy as jnp, numpy as np, optax, pathlib
from importlib import resources
import jaxgan
from jaxgan import gans, networks
from jaxgan.core import Player
from jaxgan.metrics import digit_fd

assert pathlib.Path(jaxgan.__file__).is_relative_to({site!r}), jaxgan.__file__
game = gans.gan(
    Player(networks.MLPGenerator(output_shape=(2,), hidden=(4,)), optax.adam(1e-3)),
    Player(networks.MLPDiscriminator(hidden=(4,)), optax.adam(1e-3)),
    latent_size=2,
)
batch = {{"image": jnp.ones((4, 2))}}
state, metrics = jax.jit(game.step)(game.init(jax.random.key(0), batch), batch)
assert int(state.step) == 1 and np.isfinite(float(metrics["generator/loss"]))
assert resources.files("jaxgan.explorer").joinpath("page.html").is_file()
assert np.isfinite(digit_fd(np.random.default_rng(0).uniform(-1, 1, (80, 16, 16, 1)).astype(np.float32)))
"""


@pytest.mark.slow
def test_the_wheel_works_in_another_folder(tmp_path):
    source, wheels, site, elsewhere = (tmp_path / name for name in ("source", "wheels", "site", "elsewhere"))
    elsewhere.mkdir()
    # Built from a copy, because building leaves its own folders beside the sources.
    shutil.copytree(ROOT / "jaxgan", source / "jaxgan", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels)]
    subprocess.run([*pip, *build], check=True, cwd=source)
    (wheel,) = wheels.glob("jaxgan-*.whl")
    assert wheel.stat().st_size < 2**20
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    program = [sys.executable, "-c", PROGRAM.format(site=str(site))]
    environment = os.environ | {"PYTHONPATH": str(site), "JAX_PLATFORMS": "cpu"}
    subprocess.run(program, check=True, cwd=elsewhere, env=environment)


def may_import() -> dict[str, set[str]]:
    """Which rooms a room may enter, beside itself: the table of docs/architecture.md."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("| room |")[2].partition("\n\n")[0]
    rooms: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        names, _, allowed = (cell.strip() for cell in line.strip("|").split("|"))
        group = re.findall(r"`(\w+)`", names)
        if allowed == "all of the above but gans":
            given = set(rooms) - {"gans"}
        elif allowed == "each other, and what they name":
            given = set(rooms) | set(group)
        else:
            given = set(re.findall(r"\w+", allowed))
        rooms |= {name: given for name in group}
    return rooms


def imports(path: pathlib.Path) -> set[str]:
    """The rooms of jaxgan, or folders beside it, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "jaxgan" else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "jaxgan":
                found.add(rest.partition(".")[0])
            elif top in ("configs", "benchmarks", "tests"):
                found.add(top)
    return found


def test_imports_run_one_way():
    rooms = may_import()
    folders = {path.stem for path in (ROOT / "jaxgan").iterdir() if path.suffix == ".py" or path.is_dir()}
    front_doors = {"sample", "translate", "upscale", "evaluate", "prepare", "__main__", "__init__", "__pycache__"}
    assert set(rooms) == {name for name in folders if not name.endswith((".typed", "typed"))} - front_doors - {"py"}
    for room, allowed in rooms.items():
        place = ROOT / "jaxgan" / room
        for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
            assert imports(path) <= allowed | {room, ""}, path


def test_configs_import_the_words_alone():
    for path in (ROOT / "configs").glob("*.py"):
        assert imports(path) <= {"config"}, path


def test_no_file_is_two_rooms():
    folders = ("jaxgan", "configs", "benchmarks")
    for path in [ROOT / "train.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]:
        assert len(path.read_text().splitlines()) <= 400, path


def test_training_imports_no_more_than_its_first_step_needs():
    """What takes long to import is imported where it is used: a run's start waits for it otherwise."""
    program = "import sys, jaxgan.training; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    late = {
        "scipy.stats",
        "scipy.ndimage",
        "sklearn",
        "matplotlib",
        "tensorboardX",
        "torch",
        "tensorflow_datasets",
        "h5py",
    }
    assert late.isdisjoint(done.stdout.split())
