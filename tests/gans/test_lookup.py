"""`jaxgan.gans.x` is the function of x.py: in any order of imports, for the type checker too, and by no magic beyond that."""

import os
import pathlib
import subprocess
import sys

import pytest

from jaxgan import gans

ROOT = pathlib.Path(__file__).parents[2]
ORDERS = {
    "the file first": "import jaxgan.gans.wgan\nfrom jaxgan import gans",
    "the function out of its file": "from jaxgan.gans.wgan import wgan\nfrom jaxgan import gans\nassert gans.wgan is wgan",
    "the package": "import jaxgan.gans\nimport jaxgan.gans.wgan_gp\nfrom jaxgan import gans",
    "the function out of the package": "from jaxgan.gans import wgan\nfrom jaxgan import gans\nassert gans.wgan is wgan",
    "both ways": "from jaxgan import gans\nf = gans.wgan\nimport jaxgan.gans.wgan\nassert f is gans.wgan",
    "by its name": "import importlib\nmodule = importlib.import_module('jaxgan.gans.wgan')\nfrom jaxgan import gans\n"
    "assert gans.wgan is module.wgan",
}
PROGRAM = """
import sys, types
{order}
assert isinstance(gans.wgan, types.FunctionType) and gans.wgan.__module__ == "jaxgan.gans.wgan", gans.wgan
assert "latent_size" in gans.wgan.__kwdefaults__
# Systems that nobody asked for are not read.
read = {{name.removeprefix("jaxgan.gans.") for name in sys.modules if name.startswith("jaxgan.gans.")}}
assert read <= {{"wgan", "wgan_gp"}}, read
# And what stands in sys.modules is what Python put there.
for name in ("jaxgan.gans", "jaxgan.gans.wgan"):
    module = sys.modules[name]
    assert isinstance(module, types.ModuleType) and module.__name__ == name == module.__spec__.name
    assert module.__file__.endswith(name.replace(".", "/") + (".py" if "wgan" in name else "/__init__.py"))
assert all(value is None or isinstance(value, types.ModuleType) for name, value in sys.modules.items() if "jaxgan" in name)
"""


def run(program: str, *more: str) -> str:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *more, program], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("order", ORDERS)
def test_it_is_the_function_whatever_was_imported_before(order):
    run(PROGRAM.format(order=ORDERS[order]), "-c")


def test_the_table_of_systems_is_the_folder_and_reads_none_of_them():
    files = {path.stem for path in (ROOT / "jaxgan" / "gans").glob("*.py")} - {"__init__"}
    assert set(gans.systems()) == files and list(gans.systems()) == sorted(files)
    assert files <= set(dir(gans))
    names = run(
        "import sys\nfrom jaxgan import gans\ngans.systems(), dir(gans)\n"
        "print(sorted(name for name in sys.modules if name.startswith('jaxgan.gans.')))",
        "-c",
    )
    assert names.strip() == "[]"
    for name in gans.systems():
        assert getattr(gans, name).__name__ == name
    with pytest.raises(AttributeError, match=r"module 'jaxgan\.gans' has no attribute 'wgn'"):
        _ = gans.wgn


def test_the_type_checker_sees_a_function(tmp_path):
    script = tmp_path / "uses.py"
    script.write_text(
        "from jaxgan import gans\nfrom jaxgan.gans.dcgan import dcgan\nreveal_type(gans.wgan)\nreveal_type(dcgan)\n"
    )
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "jaxgan" / "mypy"
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", f"--cache-dir={cache}"]
    lines = run(str(script), "-m", "mypy", *options).splitlines()
    assert 'Revealed type is "def (*Any, **Any) -> jaxgan.core.game.Game"' in lines[0]
    assert "latent_size: int" in lines[1] and "-> jaxgan.core.game.Game" in lines[1]
