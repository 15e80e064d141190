"""Speed and memory of evaluation: Inception features beside torch-fidelity's, in turns, in one run.

    python -m benchmarks.evaluation                          # a few minutes on two CPU cores; no weights are needed
    python -m benchmarks.evaluation --images 1024 --size 64  # on something faster

Both networks have the same random weights and are given the same uint8 images; each resizes them as TensorFlow 1 did. jaxgan's
side also takes the moments, as an evaluation does. Without PyTorch and torch-fidelity it times jaxgan alone.
"""

import argparse
import contextlib
import importlib
import pathlib
import resource
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.evaluation.feature_statistics import summarize
from jaxgan.features import inception
from jaxgan.features.extractors import make_extractor


def random_weights(seed: int = 0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Random parameters of Inception that keep the size of its activations, and the same as a PyTorch state."""
    example = np.zeros((1, inception.SIZE, inception.SIZE, 3), np.float32)
    shapes: Any = jax.eval_shape(inception.Inception().init, jax.random.key(0), example)
    draw = np.random.default_rng(seed)
    layers = {"gain": "bn.weight", "offset": "bn.bias", "mean": "bn.running_mean", "variance": "bn.running_var"}
    params, state = {}, {}
    for path, leaf in flatten_dict(shapes["params"], sep="/").items():
        unit, _, part = path.rpartition("/")
        if part in ("kernel", "fc_kernel"):
            array = draw.normal(0.0, np.sqrt(2.0 / np.prod(leaf.shape[:-1])), leaf.shape)
        else:
            array = (
                draw.uniform(0.5, 1.5, leaf.shape) if part in ("gain", "variance") else draw.normal(0, 0.1, leaf.shape)
            )
        params[path] = array = array.astype(np.float32)
        prefix = unit.replace("/", ".")
        if part == "kernel":
            state[f"{prefix}.conv.weight"] = array.transpose(3, 2, 0, 1)  # HWIO to OIHW
        elif part in layers:
            state[f"{prefix}.{layers[part]}"] = array
        else:
            state[part.replace("_kernel", ".weight").replace("_bias", ".bias")] = array.T
    return unflatten_dict(params, sep="/"), state


@contextlib.contextmanager
def without_torchvision() -> Iterator[None]:
    """torch-fidelity imports torchvision for data sets and networks that are not used here; it may be missing."""

    class Anything(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return object

    names = ["torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"]
    added: list[str] = []
    try:
        importlib.import_module("torchvision")
    except ImportError:
        added = names
        for name in names:
            sys.modules[name] = Anything(name)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, sys.modules[name])
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def torch_fidelity_network(state: Mapping[str, np.ndarray], taps: list[str]) -> Callable[[np.ndarray], list[Any]]:
    """Images uint8 (N, H, W, 3) -> torch-fidelity's features by tap.

    Raises:
        ImportError: PyTorch or torch-fidelity is missing.
    """
    import torch

    with without_torchvision():
        module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "weights.pth"
        torch.save({name: torch.tensor(np.ascontiguousarray(array)) for name, array in state.items()}, file)
        network = module.FeatureExtractorInceptionV3("shared", taps, feature_extractor_weights_path=str(file))
    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    network.to(device)

    def features(images: np.ndarray, batch_size: int = 64) -> list[Any]:
        with torch.no_grad():
            parts = [
                network(torch.tensor(images[start : start + batch_size]).permute(0, 3, 1, 2).to(device))
                for start in range(0, len(images), batch_size)
            ]
        return [torch.cat(part).cpu() for part in zip(*parts, strict=True)]

    return features


def megabytes() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64, help="in one round")
    parser.add_argument("--size", type=int, default=32, help="their side")
    parser.add_argument("--batch_size", type=int, default=0, help="jaxgan's (default: its own)")
    parser.add_argument("--torch_batch_size", type=int, default=64, help="torch-fidelity's (its default: 64)")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    params, state = random_weights()
    extractor = make_extractor("inception", params=params)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (asked.images, asked.size, asked.size, 3), np.uint8)

    def ours(number: int = asked.images) -> Any:
        # Made as they are asked for, like an evaluation's.
        records = ({"image": images[: min(asked.images, number - start)]} for start in range(0, number, asked.images))
        return summarize(extractor, records, number, batch_size=asked.batch_size)

    sides: dict[str, Callable[[], Any]] = {"jaxgan": ours}
    try:
        theirs = torch_fidelity_network(state, ["2048"])
        sides["torch-fidelity"] = lambda: theirs(images, asked.torch_batch_size)
    except ImportError as error:
        print(f"jaxgan alone: {error}", file=sys.stderr)
    for side in sides.values():
        side()  # compiles
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(asked.rounds):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            rates[name].append(asked.images / (time.perf_counter() - start))
    print("| features of Inception | images / s, each round | best |\n|---|---|---|")
    for name, each in rates.items():
        print(f"| {name} | {', '.join(f'{rate:.2f}' for rate in each)} | {max(each):.2f} |")
    before = megabytes()
    ours(4 * asked.images)
    print(
        f"\nmemory: {before:.0f} MiB after {asked.images} images at a time, {megabytes():.0f} after {4 * asked.images}"
    )


if __name__ == "__main__":
    main()
