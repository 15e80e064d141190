"""The code that the pages show is the code that runs."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_the_page_on_adding_a_gan_trains_its_gan(tmp_path):
    system, config = blocks("docs/add-a-gan.md")
    assert len((system + config).splitlines()) < 100
    for block in (system, config):
        name = re.match(r"# (\w+\.py)\n", block).group(1)
        (tmp_path / name).write_text(block)
    # Images of another size than the digits' usual 16: the page's networks follow the data.
    short = {"steps": 4, "evaluate_samples": 80, "evaluate_every": 4, "batch_size": 8, "data.image_size": 8}
    command = [sys.executable, str(ROOT / "train.py"), "--config=pair_gan_config.py", "--workdir=run"]
    command += [f"--config.{field}={value}" for field, value in short.items()]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "digit_fd" in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_the_page_on_parts_of_ones_own_uses_them_all(tmp_path):
    for block in blocks("docs/extending.md"):
        name = re.match(r"# (\w+\.py)\n", block).group(1)
        (tmp_path / name).write_text(block)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "JAX_PLATFORMS": "cpu"}

    def run(*command):
        return subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )

    train = ("--config=my_config.py", "--workdir=run", "--config.steps=4", "--config.game.objective.sharpness=0.7")
    terms = ("--config.game.terms.r1.weight=1", "--config.game.terms.my_parts:brightness.weight=0.2")
    done = run(str(ROOT / "train.py"), *train, *terms)
    assert done.returncode == 0, done.stderr[-2000:]
    metrics = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert "contrast" in metrics and "generator/brightness" in metrics and "discriminator/r1" in metrics
    Image.new("L", (8, 8), 100).save(tmp_path / "grey.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "grey.png").rename(tmp_path / "photos" / "grey.png")
    brighten = ("-m", "jaxgan", "brighten", "--workdir=run", "--input=photos", "--output=brighter")
    refused = run(*brighten)
    assert refused.returncode == 2 and "my_parts:bright_gan" in refused.stderr and "--trust" in refused.stderr
    done = run(*brighten, "--trust")
    assert done.returncode == 0, done.stderr[-2000:]
    with Image.open(tmp_path / "brighter" / "grey.png") as image:
        assert abs(image.getpixel((0, 0)) - (100 + 0.2 * 127.5)) <= 1


@pytest.mark.parametrize("index", range(len(blocks("README.md"))))
def test_the_readme_examples_run(index):
    exec(compile(blocks("README.md")[index], "README.md", "exec"), {"__name__": "readme"})


def test_the_commands_of_the_page_on_clusters_are_shell():
    commands = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "clusters.md").read_text(), flags=re.DOTALL)
    assert len(commands) >= 5
    for command in commands:
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    # What runs on the workers of a pod is a text to the shell here.
    for quoted in re.findall(r"--command='(.*?)'", "".join(commands), flags=re.DOTALL):
        assert subprocess.run(["bash", "-n"], input=quoted, text=True, check=False).returncode == 0, quoted
