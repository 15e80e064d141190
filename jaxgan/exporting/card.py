"""The page beside an exported file: what it is, how it was measured, and how it is loaded."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.core.arrays import Arrays, ArraySpec
from jaxgan.exporting.functions import Exported, Input
from jaxgan.files import atomically
from jaxgan.registry import find
from jaxgan.training.plan import Plan

_MOST_CLASSES = 20  # that are listed by name


def page_of(path: Path) -> Path:
    """Where the page beside an exported file lies: FILE.md."""
    return path.with_name(f"{path.name}.md")


def write_page(path: Path, text: str) -> Path:
    """Writes a file's page, whole or not at all, and says where."""
    page = page_of(path)
    with atomically(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def card(
    path: Path,
    plan: Plan,
    state: Any,
    measured: str,
    exported: Exported | None = None,
    batch_size: int | None = None,
    platforms: Sequence[str] = (),
) -> str:
    """A model card in Markdown.

    Args:
        path: The exported file.
        plan: What the game is.
        state: Its state.
        measured: What it reached, with the protocols; "" for nothing.
        exported: The function in the file; None: the file holds weights.
        batch_size: The only one that it takes; None: any.
        platforms: Those that it runs on, of StableHLO.
    """
    config, step = plan.config, int(state.step)
    paper = (sys.modules[find(config.system, "system", "config.system").__module__].__doc__ or "").strip().splitlines()
    lines = ["---", "library_name: jaxgan", "license: unknown", "---", "", f"# {config.system}, step {step:,}", ""]
    facts = {
        "System": f"`{config.system}`" + (f". {paper[0]}" if paper else ""),
        "Players": ", ".join(
            f"`{name}` ({type(player.network).__name__})" for name, player in plan.game.players.items()
        ),
        "Data": f"`{config.data.name}`: {_described(plan.arrays)}" + _listed("; domains ", plan.domains),
        "Training": f"{step:,} steps, {int(state.images):,} images, minibatches of {config.batch_size}, seed {config.seed}",
        "Licence": "not stated. The weights learned from the data, whose licence is not known here: write it here and above",
    }
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "## Measured", "", measured or "Nothing was measured at this step.", "", "## Use", ""]
    if exported is None:
        lines += _weights(path, plan)
    else:
        lines += _function(path, exported, batch_size, platforms)
    return "\n".join(lines) + "\n"


def _weights(path: Path, plan: Plan) -> list[str]:
    first = next(iter(plan.game.abilities), "sample")
    asked = {"sample": "run.sample(16, seed=3)", "translate": "run.translate(images)"}
    return [
        "Weights with their config, for this library (`pip install 'jaxgan[export]'`):",
        "",
        "```python",
        "import jaxgan",
        f'run = jaxgan.load("{path.name}")',
        f"images = {asked.get(first, f'run.{first}(...)')}  # float32, (N, H, W, C) in [-1, 1]",
        "```",
        "",
        f"It can {', '.join(sorted(plan.game.abilities))}: `python -m jaxgan ABILITY --workdir={path.name} --help`.",
    ]


def _function(path: Path, exported: Exported, batch_size: int | None, platforms: Sequence[str]) -> list[str]:
    arguments = ", ".join(each.name for each in exported.inputs)
    if path.suffix == ".onnx":
        feed = ", ".join(f'"{each.name}": {each.name}' for each in exported.inputs)
        loading = [
            "import onnxruntime",
            f'session = onnxruntime.InferenceSession("{path.name}", providers=["CPUExecutionProvider"])',
            f"(output,) = session.run(None, {{{feed}}})",
        ]
        needed = "ONNX, which any of its runtimes runs:"
    else:
        loading = [
            "import pathlib, jax.export",
            f'program = jax.export.deserialize(bytearray(pathlib.Path("{path.name}").read_bytes()))',
            f"output = program.call({arguments})",
        ]
        needed = f"StableHLO for {', '.join(platforms)}, which JAX runs (`pip install jax flatbuffers`):"
    batch = "any number, which all inputs share" if batch_size is None else str(batch_size)
    lines = [needed, "", "```python", *loading, "```", "", f"`{exported.ability}` as a function; batch B: {batch}.", ""]
    lines += ["| input | shape | dtype | what it is |", "|---|---|---|---|"]
    lines += [f"| `{each.name}` | {_shape(each)} | {each.dtype} | {each.about} |" for each in exported.inputs]
    gives = {
        "images": "images (B, H, W, C), float32 in [-1, 1]: floor(127.5 x + 128), clipped to 0..255, makes pixels of them; or "
        "vectors (B, D)",
        "latents": "latents, float32 (B, D)",
        "class_logits": "class logits, float32 (B, K)",
        "scores": "scores, float32 (B,)",
    }
    lines += ["", f"It gives {gives[exported.output]}."]
    for each in exported.inputs:
        if each.classes:
            lines.append(f"Classes of `{each.name}`, from 0 on{_listed(': ', each.classes)}.")
    if exported.fixed:
        lines.append("Settled in it: " + ", ".join(f"{name}={value}" for name, value in exported.fixed.items()) + ".")
    if exported.per_batch:
        lines.append("It normalises a batch by the batch's own statistics: images given together change one another.")
    return lines


def _shape(each: Input) -> str:
    return "()" if each.shape is None else f"({', '.join(map(str, ('B', *each.shape)))}{'' if each.shape else ','})"


def _described(arrays: Arrays) -> str:
    def one(name: str, spec: ArraySpec) -> str:
        shape = "x".join(map(str, spec.shape))
        return f"{name} {shape}" if shape else name + _listed(" of ", spec.names)

    return "; ".join(one(name, spec) for name, spec in arrays.items())


def _listed(before: str, names: Sequence[str]) -> str:
    """Names behind a word; nothing where there are none."""
    if not names:
        return ""
    more = f" and {len(names) - _MOST_CLASSES} more" if len(names) > _MOST_CLASSES else ""
    return before + ", ".join(names[:_MOST_CLASSES]) + more


def while_training(values: Mapping[str, float], samples: int, batches: int) -> str:
    """What the metrics of a config say at one step, in words; "" without any."""
    if not values:
        return ""
    norm = f"batch norm by {batches} batches" if batches else "batch norm by each batch"
    found = "\n".join(f"- {name}: {value:g}" for name, value in values.items())
    return f"While training, by the metrics of the config, on {samples:,} samples of the averaged weights, {norm}:\n\n{found}"
