"""Longer runs, one of each family, on photographs, stacked digits and digits at 32 pixels: docs/medium.md.

python -m benchmarks.medium                       trains what is not trained yet, and writes the page
python -m benchmarks.medium --only dcgan sngan    these

As long as the `:cpu32` variants are, where there is one: ten to twenty minutes each on a CPU core. A run that was stopped goes
on, and one that is finished is read. What was measured is kept in docs/medium.json, and of each run its last samples in
docs/images/medium.
"""

import argparse
import json
import math
import pathlib
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from ml_collections import ConfigDict
from PIL import Image

from benchmarks import zoo
from benchmarks.pages import put
from jaxgan import overrides
from jaxgan.data import evenly, make_source
from jaxgan.data.photos import PhotoPictures
from jaxgan.evaluation import monitored
from jaxgan.evaluation.translation_metrics import COMPARED
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein
from jaxgan.training import command_line, train
from jaxgan.training.records import read_metrics, series
from jaxgan.training.run_folder import RunFolder

PAGE, KEPT, PICTURES = zoo.DOCS / "medium.md", zoo.DOCS / "medium.json", zoo.DOCS / "images" / "medium"
LARGEST = 300_000  # bytes of a picture
_EVALUATIONS = 20  # of a run, beside that of the untrained game
_PHOTOS = {"data.name": "photos", "data.crop": "random", "data.flip": True, "metrics": ("swd",)}
_STACKED = {"data.name": "stacked_digits", "evaluate_samples": 25_600}
_DIGITS = {"data.name": "digits"}
_TILES = {"data.crop": "random", "data.resize": "none", "data.flip": True}


class Run(NamedTuple):
    """A run: its config's variant, its data in words, and what is changed; "tiles" are made for it, see `tiles`."""

    variant: str
    data: str
    changes: Mapping[str, Any]
    tiles: str = ""


_BOTH = "tiles of both photographs"
# Of a GAN whose generator has an encoder: the paper's networks, a quarter as wide.
_ENCODED = {
    "players.encoder.network": {"name": "VAEGANEncoder", "widths": (32, 64, 128), "dense": 512},
    "players.generator.network": {"name": "VAEGANGenerator", "widths": (128, 64, 32, 16)},
    "players.discriminator.network": {"name": "VAEGANDiscriminator", "widths": (16, 32, 64, 128), "dense": 256},
    "game.latent_size": 64,
    "batch_size": 32,
    "data.image_size": 32,
    "metrics": ("reconstruction", "swd"),
    "steps": 2000,
}
_GROWING = {"game.fade_images": 20_000, "game.stable_images": 20_000, "steps": 4500}
RUNS = {
    "dcgan": Run("cpu32", "stacked digits", _STACKED),
    "sngan": Run("cpu32", _BOTH, _PHOTOS),
    "biggan_like": Run("cpu32", "digits by class", _DIGITS),
    "wgan_gp": Run("cpu32", _BOTH, _PHOTOS),
    "r3gan": Run("cpu32", _BOTH, _PHOTOS),
    "progan": Run("", "digits", _GROWING),
    "stylegan2": Run("cpu32", _BOTH, _PHOTOS),
    "pix2pix": Run("cpu32", "grey tiles to coloured ones", _TILES, "grey"),
    "cyclegan": Run("cpu32", "tiles of China to tiles of a flower, and back", _TILES, "unpaired"),
    "vaegan": Run("", _BOTH, _PHOTOS | _ENCODED),
}


def configured(name: str, workdir: pathlib.Path) -> ConfigDict:
    """The config of a run."""
    run = RUNS[name]
    place = {"data.path": str(workdir / f"tiles-{run.tiles}")} if run.tiles else {}
    config = overrides.apply(zoo.CONFIGS[name].get_config(run.variant), (place | dict(run.changes)).items())
    every = config.steps // _EVALUATIONS
    config.evaluate_every, config.checkpoint_every, config.sample_every = every, every, 5 * every
    return config


def tiles(kind: str, workdir: pathlib.Path) -> None:
    """Writes tiles of the photographs as files, 64x64 pixels and less at the borders, for crops of 32x32.

    Args:
        kind: "grey": pairs of a tile without its colours and with them; "unpaired": tiles of China, and of a flower.
        workdir: They are put into its folder `tiles-KIND`, as `two_folders` are.
    """
    for split in ("train", "test"):
        for domain, photo in (("A", "china"), ("B", "flower")):
            folder = workdir / f"tiles-{kind}" / f"{split}{domain}"
            folder.mkdir(parents=True, exist_ok=True)
            pictures = PhotoPictures(split, photo if kind == "unpaired" else "", (32, 32))
            for index in range(len(pictures)):
                picture, _ = pictures.open(index)
                grey = kind == "grey" and domain == "A"
                (picture.convert("L") if grey else picture).save(folder / f"{index:04}.png")


def between_reals(config: ConfigDict) -> float:
    """The sliced Wasserstein distance of real images, as training sees them, from those that samples are compared with."""
    source, draw = make_source(config.data), np.random.default_rng(0)
    chosen = evenly(COMPARED, len(source))
    real = np.stack(
        [source.record(int(index), draw.random(3))["image"] for index in draw.integers(len(source), size=len(chosen))]
    )
    return float(np.mean(list(sliced_wasserstein(source.stack(chosen)["image"], real).values())))


def measured(name: str, folder: pathlib.Path, config: ConfigDict) -> dict[str, Any]:
    """What the page says of a run: the values of its first metric by step, and the minutes of training until then."""
    metric = monitored.find(config.metrics[0])
    lines = read_metrics(RunFolder(folder).metrics)
    values = series(lines, metric.score)
    seconds = {0: 0.0} | series(lines, "seconds")
    minutes = np.interp(list(values), sorted(seconds), [seconds[step] / 60 for step in sorted(seconds)])
    floor = series(lines, metric.floor).get(max(values)) if metric.floor else None
    return {
        "variant": f"{name}:{RUNS[name].variant}".rstrip(":"),
        "data": RUNS[name].data,
        "metric": metric.score,
        "lower": metric.lower_is_better,
        "floor": between_reals(config) if metric.score == "swd" else floor,
        "steps": list(values),
        "minutes": [round(float(minute), 2) for minute in minutes],
        "values": [float(f"{value:.4g}") for value in values.values()],
        "machine": zoo.machine(),
    }


def best(entry: Mapping[str, Any]) -> int:
    """Where the best of a run's values is, the untrained game's left out."""
    sign = 1 if entry["lower"] else -1
    return min(range(1, len(entry["values"])), key=lambda index: sign * entry["values"][index])


def tables(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The page's table of values, and the links to its pictures."""
    lines = [
        "| run | data | metric | untrained | best (its step) | last | real data | steps | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in rows.values():
        values, at = entry["values"], best(entry)
        metric = f"{entry['metric']}, {'lower' if entry['lower'] else 'higher'} is better"
        found = f"{values[0]:.4g} | {values[at]:.4g} ({entry['steps'][at]:,}) | {values[-1]:.4g}"
        floor = "" if entry["floor"] is None else f"{entry['floor']:.4g}"
        length = f"{entry['steps'][-1]:,} | {entry['minutes'][-1]:.0f}"
        lines.append(f"| `{entry['variant']}` | {entry['data']} | {metric} | {found} | {floor} | {length} |")
    machines = "; ".join(dict.fromkeys(entry["machine"] for entry in rows.values()))
    shown = ["![values over time](images/medium/curves.png)"] if rows else []
    shown += [f"`{entry['variant']}`:\n\n![](images/medium/{name}.png)" for name, entry in rows.items()]
    return {"runs": "\n".join([*lines, "", f"Machine: {machines or 'none yet'}."]), "pictures": "\n\n".join(shown)}


def curves(rows: Mapping[str, Mapping[str, Any]], path: pathlib.Path) -> None:
    """Draws each run's values over minutes of training, the best one marked."""
    columns = 5
    figure = Figure(figsize=(2.4 * columns, 2.1 * math.ceil(len(rows) / columns)), dpi=80, layout="constrained")
    for index, (name, entry) in enumerate(rows.items(), start=1):
        axes = figure.add_subplot(math.ceil(len(rows) / columns), columns, index)
        axes.plot(entry["minutes"], entry["values"], linewidth=1)
        axes.plot(entry["minutes"][best(entry)], entry["values"][best(entry)], "o", markersize=4)
        axes.set_title(f"{name}: {entry['metric']}", fontsize=8)
        axes.set_yscale("log" if entry["lower"] else "linear")
        axes.tick_params(labelsize=6, which="both")
        axes.set_xlabel("minutes", fontsize=7)
    figure.savefig(path)


def keep_samples(source: pathlib.Path, target: pathlib.Path) -> None:
    """Keeps a run's last samples; rows are cut off below until the picture is small enough."""
    with Image.open(source) as whole:
        picture = whole.convert("RGB")
    while True:
        picture.save(target, optimize=True)
        if target.stat().st_size < LARGEST:
            return
        picture = picture.crop((0, 0, picture.width, picture.height * 3 // 4))


def write(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes what was measured, the page and the curves; in the order of `RUNS`."""
    rows = {name: rows[name] for name in RUNS if name in rows}
    KEPT.write_text(json.dumps(rows, indent=1) + "\n")
    curves(rows, PICTURES / "curves.png")
    put(PAGE, tables(rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=RUNS, default=list(RUNS), metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/medium"))
    arguments = parser.parse_args()
    command_line.use_compilation_cache()
    PICTURES.mkdir(exist_ok=True)
    for name in arguments.only:
        folder = arguments.workdir / name
        config = configured(name, arguments.workdir)
        if RUNS[name].tiles and not pathlib.Path(config.data.path).exists():
            tiles(RUNS[name].tiles, arguments.workdir)
        if train(config, folder)["step"] < config.steps:
            sys.exit("stopped; run the same command to go on")
        stored, _, _ = RunFolder(folder).read()
        # Read anew each time, so that several of these may run side by side.
        rows = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        rows[name] = measured(name, folder, stored)
        keep_samples(max(RunFolder(folder).samples.glob("step_*.png")), PICTURES / f"{name}.png")
        write(rows)
        print(name, tables({name: rows[name]})["runs"], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
