"""StableHLO and ONNX: what runs without this library makes the images that the run makes."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import jaxgan
from jaxgan import pictures
from jaxgan.commands import export, use
from jaxgan.errors import UserError
from jaxgan.exporting import write_onnx, write_stablehlo
from jaxgan.training import train

pytest.importorskip("flatbuffers")

PROGRAM = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("jaxgan", "flax"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import jax.export, numpy as np
program = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
given = np.load(sys.argv[2])
np.save(sys.argv[3], program.call(*[given[str(index)] for index in range(len(given.files))]))
assert "jaxgan" not in sys.modules and set(program.platforms) == {"cpu", "cuda", "tpu"}
"""


def elsewhere(path, *inputs):
    """What a file of StableHLO makes in a process that has JAX alone."""
    given, made = path.with_suffix(".npz"), path.with_suffix(".npy")
    np.savez(given, **{str(index): array for index, array in enumerate(inputs)})
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", PROGRAM, str(path), str(given), str(made)]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(made)


def test_stablehlo_makes_the_samples_of_the_command_without_the_library(runs, tmp_path):
    folder, _ = runs("dcgan")
    export.main([f"--workdir={folder}", f"--output={tmp_path / 'x.stablehlo'}", "--trust"])
    run = jaxgan.load(folder, trust=True)
    wanted = run.sample(5, seed=3)
    assert np.ptp(wanted, axis=0).max() > 0.01
    np.testing.assert_allclose(elsewhere(tmp_path / "x.stablehlo", run.latents(5, seed=3)), wanted, atol=1e-6)


def test_stablehlo_of_sample_takes_a_seed_and_labels(runs, tmp_path):
    folder, _ = runs("conditional")
    arguments = [f"--workdir={folder}", f"--output={tmp_path / 'x.stablehlo'}", "--ability=sample", "--truncation=0.7"]
    export.main([*arguments, "--batch_size=6", "--trust"])
    label = np.array([3, 1, 4, 1, 5, 9], np.int32)
    made = elsewhere(tmp_path / "x.stablehlo", label, np.uint32(11))
    wanted = jaxgan.load(folder, trust=True).sample(6, label=label, truncation=0.7, seed=11)
    np.testing.assert_allclose(made, wanted, atol=1e-6)
    page = (tmp_path / "x.stablehlo.md").read_text()
    for told in ("batch B: 6", "| `label` | (B,) | int32 |", "| `seed` | () | uint32 |", "truncation=0.7", "0 to 9"):
        assert told in page, told


@pytest.mark.parametrize("target", ["a", "b"])
def test_translators_take_images_and_a_way(runs, tmp_path, target):
    folder, _ = runs("cyclegan")
    way = [f"--workdir={folder}", f"--output={tmp_path / 'x.stablehlo'}", f"--target={target}", "--trust"]
    export.main(way)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    wanted = jaxgan.load(folder, trust=True).translate(images, target=target)
    np.testing.assert_allclose(elsewhere(tmp_path / "x.stablehlo", images), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("variant", "ability", "sizes"),
    [
        ("dcgan", "generate", (4,)),
        ("conditional", "generate", (6,)),
        ("progan", "generate", (4,)),
        ("vae", "encode", ()),
    ],
)
def test_onnx_agrees_in_onnxruntime(runs, function, tmp_path, variant, ability, sizes):
    pytest.importorskip("jax2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    exported = function(variant, ability, plain=True)
    only = write_onnx(tmp_path / "x.onnx", exported)
    session = onnxruntime.InferenceSession(str(tmp_path / "x.onnx"), providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == [each.name for each in exported.inputs]
    run, rng = jaxgan.load(runs(variant)[0], trust=True), np.random.default_rng(0)
    for batch in (only,) if only else (3, 5):
        given = {each.name: rng.uniform(-1, 1, (batch, *each.shape)).astype(each.dtype) for each in exported.inputs}
        if "label" in given:
            given["label"] = np.arange(batch, dtype=np.int32)
        (made,) = session.run(None, given)
        wanted = run.use(ability, **given)
        assert np.ptp(wanted, axis=0).max() > 1e-3
        np.testing.assert_allclose(made, wanted, atol=1e-4)


def test_networks_of_half_precision_become_float32_in_onnx(tiny, tmp_path):
    """ONNX knows no convolution of bfloat16."""
    pytest.importorskip("jax2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    config = tiny("dcgan")
    config.dtype, config.steps, config.metrics = "bfloat16", 1, ()
    train(config, tmp_path / "run")
    export.main([f"--workdir={tmp_path / 'run'}", f"--output={tmp_path / 'x.onnx'}"])
    session = onnxruntime.InferenceSession(str(tmp_path / "x.onnx"), providers=["CPUExecutionProvider"])
    run = jaxgan.load(tmp_path / "run")
    latents = run.latents(3)
    (made,) = session.run(None, {"latents": latents})
    wanted = run.generate(latents)
    assert 0 < np.abs(made - wanted).max() < 0.02 * np.abs(wanted).max()


def test_a_file_that_onnxruntime_runs_otherwise_is_not_written(function, tmp_path):
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    exported = function("dcgan", "generate", plain=True)
    calls = []

    def changing(latents):  # traced first, then run for the check
        calls.append(latents)
        return exported.function(latents) + 0.01 * (len(calls) > 1)

    with pytest.raises(
        UserError, match=r"onnxruntime makes something else of generate, by 0\.01: take --format=stablehlo"
    ):
        write_onnx(tmp_path / "x.onnx", dataclasses.replace(exported, function=changing))
    assert not list(tmp_path.iterdir())


def test_a_network_that_must_know_its_batch_gets_one(function, tmp_path):
    exported = function("lapgan", "sample")
    assert [each.name for each in exported.inputs] == ["label", "seed"] and exported.number == 16
    assert write_stablehlo(tmp_path / "x.stablehlo", exported, ["cpu"]) == 16
    with pytest.raises(UserError, match=r"sample draws random numbers.*take --format=stablehlo"):
        write_onnx(tmp_path / "x.onnx", function("lapgan", "sample", plain=True))


@pytest.mark.parametrize("format", ["safetensors", "stablehlo", "onnx"])
def test_the_lines_on_the_page_run(runs, tmp_path, monkeypatch, format):
    if format == "onnx":
        pytest.importorskip("jax2onnx")
        pytest.importorskip("onnxruntime")
    folder, _ = runs("dcgan")
    export.main([f"--workdir={folder}", f"--output={tmp_path}", f"--format={format}", "--trust"])
    page = (tmp_path / f"model.{format}.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    run = jaxgan.load(folder, trust=True)
    names = {"latents": run.latents(16, seed=3)}
    monkeypatch.chdir(tmp_path)
    exec(lines, names)
    made = names["images" if format == "safetensors" else "output"]
    np.testing.assert_allclose(made, run.sample(16, seed=3), atol=1e-4)
    if format != "safetensors":  # pixels are those of the commands
        formula = re.search(r"in \[-1, 1\]: floor\((.*)\), clipped to 0..255, makes pixels", page)[1].replace(
            "127.5 x", "127.5 * x"
        )
        np.testing.assert_array_equal(np.floor(eval(formula, {"x": made})).clip(0, 255), pictures.to_uint8(made))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format=onix"], "--format=onix: there is no such format: did you mean 'onnx'"),
        (["--output={}/x.pt"], "does not end in .safetensors, .stablehlo, .onnx"),
        (["--output={}/x.onnx", "--format=stablehlo"], "x.onnx does not end in .stablehlo: rename it"),
        (["--output={}/there.onnx"], "there.onnx exists already: remove it, or choose another name"),
        (["--output={}/paged.onnx"], "paged.onnx.md exists already: remove it"),
        (["--output={}/x.stablehlo", "--platforms=cpu,cudda"], "there is no 'cudda': did you mean 'cuda'"),
        (["--output={}/x.stablehlo", "--ability=generat"], "the game cannot generat: did you mean 'generate'"),
        (["--output={}/x.stablehlo", "--target=b"], "takes no --target"),
        (["--output={}/x.stablehlo", "--batch_size=0"], "batch_size"),
        (["--output={}/x.stablehlo", "--ability=generate", "--truncation=-1"], "takes no --truncation"),
        (
            ["--output={}/x.stablehlo", "--ability=sample", "--truncation=-1"],
            "--truncation=-1.0, but it must be above 0",
        ),
        (["--output={}/x.safetensors", "--ability=sample"], "are of functions: leave them out"),
        (["--output={}/x.onnx", "--workdir=nowhere"], "nowhere is not the folder of a run"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_line(runs, tmp_path, arguments, message):
    for name in ("there.onnx", "paged.onnx.md"):
        (tmp_path / name).touch()
    usual = [] if "workdir" in str(arguments) else [f"--workdir={runs('dcgan')[0]}"]
    usual += [] if "output" in str(arguments) else [f"--output={tmp_path / 'x.onnx'}"]
    with pytest.raises(UserError, match=message) as raised:
        export.main([*usual, *(each.format(tmp_path) for each in arguments), "--trust"])
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "x.onnx").exists()


def test_the_command_lists_what_it_takes(runs, capsys):
    with pytest.raises(SystemExit):
        export.main(["--help"])
    assert "--platforms" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"the game of .* cannot invert"):
        use.main("invert", [f"--workdir={runs('dcgan')[0]}"])
