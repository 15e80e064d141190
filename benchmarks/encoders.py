"""What codes are good for: systems with encoders on the same digits; docs/encoders.md has it.

python -m benchmarks.encoders                          reads or trains the zoo's runs of each system, three seeds
python -m benchmarks.encoders --workdir=runs/zoo --seeds=1

What a run says of itself is read from the learning checks' runs (`python -m benchmarks.zoo`), which are trained where they are
missing; neighbours are looked for here, in the trained encoders.
"""

import argparse
import pathlib
import sys

import jax
import numpy as np

from benchmarks import zoo
from benchmarks.computed import last
from benchmarks.pages import put
from jaxgan.data import make_source, prepare
from jaxgan.evaluation.translation_metrics import nearest
from jaxgan.training import command_line

PAGE = zoo.DOCS / "encoders.md"
ROWS = ("vae", "vae: a plain autoencoder", "vaegan", "vaegan_three_way", "bigan", "bivae")
COLUMNS = {
    "reconstruction_agreement": "same digit",
    "reconstruction_mse": "squared error",
    "reconstruction_sharpness": "sharpness",
    "neighbours": "neighbours by code",
    "code_fd": "codes from N(0, I)",
    "latent_mse": "latents come back",
    "digit_fd": "digit-FD of samples",
}


def neighbours(folder: pathlib.Path) -> dict[str, float]:
    """The share of held-out digits whose nearest training digit shows the same one: by code, and by pixels."""
    found = last(folder)
    train, test = (
        prepare(make_source(found.plan.config.data, split=name, flip=False).stack()) for name in ("train", "test")
    )
    encode = lambda images: found.snapshot.use("encode", jax.random.key(0), images=np.asarray(images))  # noqa: E731
    label = np.asarray(train["label"])

    def share(known: np.ndarray, asked: np.ndarray) -> float:
        return float((label[nearest(asked, known)] == np.asarray(test["label"])).mean())

    return {
        "neighbours": share(encode(train["image"]), encode(test["image"])),
        "neighbours_by_pixels": share(np.asarray(train["image"]), np.asarray(test["image"])),
    }


def row(name: str, results: list[dict[str, float]]) -> str:
    """A line of the table: means over the seeds."""
    cells = [f"`{name}`"]
    for column in COLUMNS:
        values = [result[column] for result in results if column in result]
        cells.append(f"{np.mean(values):.3g}" if values else "-")
    return f"| {' | '.join(cells)} |"


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """All systems, and what pixels are as codes."""
    lines = [f"| system | {' | '.join(COLUMNS.values())} |", "|---|" + "---|" * len(COLUMNS)]
    lines += [row(name, results) for name, results in found.items()]
    pixels = next(iter(found.values()))[0]["neighbours_by_pixels"]
    return "\n".join([*lines, row("pixels", [{"neighbours": pixels}]).replace("`", "")])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    arguments = parser.parse_args()
    command_line.use_compilation_cache()
    found = {}
    for name in ROWS:
        check = zoo.ROWS[name]
        seeds = range(1 if check.check.control else arguments.seeds)
        results = [zoo.run(name, check, seed, arguments.workdir) for seed in seeds]
        found[name] = [
            result | neighbours(zoo.run_folder(name, seed, arguments.workdir))
            for seed, result in zip(seeds, results, strict=True)
        ]
        print(row(name, found[name]), flush=True)
    put(PAGE, {"codes": table(found)})
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
