"""Converted generators make what their programs make of the same file."""

import jax
import jax.export
import numpy as np
import pytest

import jaxgan
from jaxgan.commands import convert, export, use
from jaxgan.errors import UserError
from tests.layouts.published import biggan_pytorch, cyclegan, mimicry, studiogan, stylegan2_ada
from tests.layouts.published.layers import torch

pytest.importorskip("safetensors")

pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)


def converted(folder, layout, *states, wrap=lambda tensors: tensors, suffix=".pth"):
    """The run that a converted file is, by the command."""
    inputs = [folder / f"G_{index}{suffix}" for index in range(len(states))]
    for path, tensors in zip(inputs, states, strict=True):
        torch.save(wrap(tensors), path)
    output = folder / "made.safetensors"
    convert.main([*(f"--input={path}" for path in inputs), f"--layout={layout}", f"--output={output}"])
    return jaxgan.load(output)


def same(run, transcription, *arrays, **given):
    """What the run makes, beside what the program makes of float64."""
    wanted = transcription(*arrays).permute(0, 2, 3, 1).numpy()
    made = run.generate(**given)
    assert wanted.std() > 0.05 and made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, atol=1e-5)


LABEL = np.array([2, 0, 1], np.int32)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, 8),
        ({"blocks": 4, "ch": 2, "attention": (2,), "inner": "bn."}, 10),
        ({"blocks": 4, "ch": 1, "attention": (), "spectral": ""}, 10),
        ({"hier": False, "chunk": 6, "attention": ()}, 6),
        ({"hier": False, "chunk": 6, "shared": 0, "attention": (0, 2)}, 6),
    ],
)
def test_biggan_pytorch(tmp_path, settings, size):
    tensors, run = biggan_pytorch.generator(**settings)
    made = converted(tmp_path, "biggan_pytorch", tensors)
    z = rng.standard_normal((3, size)).astype(np.float32)
    same(made, run, torch.tensor(z).double(), torch.tensor(LABEL).long(), latents=z, label=LABEL)
    assert made.latents(2).shape == (2, size) and made.classes == ("0", "1", "2")
    assert made.abilities == ("generate", "latents", "sample")


@pytest.mark.parametrize("inner", ["", "bn."])
def test_standing_statistics_of_biggan_pytorch_are_sums(tmp_path, inner):
    """Its norms add up the means and variances of batches and count these; to generate they divide by the count."""
    tensors, run = biggan_pytorch.generator(inner=inner)
    summed = dict(tensors)
    for name in tensors:
        if name.endswith("stored_mean"):
            variance, counter = (name.replace("stored_mean", each) for each in ("stored_var", "accumulation_counter"))
            batches = 0.0 if name.startswith("output_layer") else 16.0  # of this one the running ones
            summed[counter] = torch.tensor([batches])
            for each in (name, variance):
                summed[each] = tensors[each] * (batches or 1)
    made = converted(tmp_path, "biggan_pytorch", summed)
    z = rng.standard_normal((3, 8)).astype(np.float32)
    same(made, run, torch.tensor(z).double(), torch.tensor(LABEL).long(), latents=z, label=LABEL)
    # The networks themselves go by the file's statistics too, however many latents there are.
    for number in (1, 3):
        plain = made.networks.generator(z[:number], LABEL[:number])
        np.testing.assert_allclose(plain, made.generate(z, label=LABEL)[:number], atol=1e-5)


def test_studiogan(tmp_path):
    tensors, run = studiogan.generator()
    made = converted(
        tmp_path, "studiogan", tensors, wrap=lambda tensors: {"state_dict": tensors, "epoch": 3, "best": 1.5}
    )
    z = rng.standard_normal((3, 8)).astype(np.float32)
    same(made, run, torch.tensor(z).double(), torch.tensor(LABEL).long(), latents=z, label=LABEL)


@pytest.mark.parametrize("settings", [{}, {"widths": (4, 4, 6), "base": 6}, {"classes": 3}])
def test_mimicry(tmp_path, settings):
    tensors, run = mimicry.generator(**settings)
    wrap = lambda tensors: {"model_state_dict": tensors, "optimizer_state_dict": None, "global_step": 5}  # noqa: E731
    made = converted(tmp_path, "mimicry", tensors, wrap=wrap)
    z = rng.standard_normal((3, 7)).astype(np.float32)
    told = {"label": LABEL} if "classes" in settings else {}
    labels = (torch.tensor(LABEL).long(),) if told else ()
    same(made, run, torch.tensor(z).double(), *labels, latents=z, **told)


@pytest.mark.parametrize("settings", [{}, {"dropout": True, "after": 1}, {"running": True}])
def test_a_cyclegan_generator_is_a_translator_one_way(tmp_path, settings):
    tensors, run = cyclegan.generator(**settings)
    parallel = {f"module.{name}": tensor for name, tensor in tensors.items()}
    made = converted(tmp_path, "cyclegan", parallel)
    images = rng.uniform(-1, 1, (2, 16, 24, 3)).astype(np.float32)
    wanted = run(torch.tensor(images).double().permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(made.translate(images), wanted, atol=1e-5)
    assert wanted.std() > 0.05 and made.domains == ("A", "B") and made.config.system == "pix2pix"


def test_two_cyclegan_generators_are_a_cyclegan(tmp_path):
    there, back = cyclegan.generator(), cyclegan.generator(seed=4)
    made = converted(tmp_path, "cyclegan", there[0], back[0])
    images = rng.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    for target, (_, run) in (("B", there), ("A", back)):
        wanted = run(torch.tensor(images).double().permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(made.translate(images, target=target), wanted, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"structure": "resnet", "colours": 1}, {"classes": 3, "widths": (4, 4, 4)}])
def test_stylegan2_ada(tmp_path, settings):
    tensors, run = stylegan2_ada.generator(**settings)
    made = converted(tmp_path, "stylegan2_ada", tensors)
    z = rng.standard_normal((3, 5)).astype(np.float32)
    told = {"label": LABEL} if "classes" in settings else {}
    labels = (torch.tensor(LABEL).long(),) if told else ()
    same(made, run, torch.tensor(z).double(), *labels, latents=z, **told)
    # Truncated to nothing, all images are that of the mean of w.
    mean = np.tile(tensors["mapping.w_avg"].numpy(), (3, 1))
    np.testing.assert_allclose(made.generate(z, truncation=1e-9, **told), made.synthesize(mean), atol=1e-4)


def test_noise_in_stablehlo_is_that_of_the_seed(tmp_path):
    pytest.importorskip("flatbuffers")
    tensors, _ = stylegan2_ada.generator(sizes=(4, 8), widths=(4, 4))
    noisy = {name: tensor + 0.5 * name.endswith("noise_strength") for name, tensor in tensors.items()}
    made = converted(tmp_path, "stylegan2_ada", noisy)
    export.main(
        [f"--workdir={tmp_path / 'made.safetensors'}", f"--output={tmp_path / 'x.stablehlo'}", "--platforms=cpu"]
    )
    program = jax.export.deserialize(bytearray((tmp_path / "x.stablehlo").read_bytes()))
    z = made.latents(3, seed=1)
    images = [np.asarray(program.call(z, np.uint32(seed))) for seed in (5, 6)]
    assert np.abs(images[0] - images[1]).max() > 0.1
    for seed, image in zip((5, 6), images, strict=True):
        np.testing.assert_allclose(image, made.generate(z, seed=seed), atol=1e-5)


def test_samples_go_by_the_statistics_in_the_file_and_the_commands_take_it(tmp_path):
    """Each sample by itself: its class and its latent alone decide it, however many are drawn with it."""
    tensors, run = mimicry.generator(classes=3)
    made = converted(tmp_path, "mimicry", tensors)
    z = made.latents(4, seed=1)
    wanted = run(torch.tensor(z).double(), torch.zeros(4).long()).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(made.generate(z[:1], label=0), wanted[:1], atol=1e-5)
    output = tmp_path / "samples.npz"
    use.main("sample", [f"--workdir={tmp_path / 'made.safetensors'}", "--num=5", "--label=1", f"--output={output}"])
    assert np.load(output)["image"].shape == (5, 16, 16, 3)
    page = (tmp_path / "made.safetensors.md").read_text()
    assert "converted from G_0.pth (SHA-256 " in page and "layout mimicry" in page
    export.main(
        [f"--workdir={tmp_path / 'made.safetensors'}", f"--output={tmp_path / 'made.stablehlo'}", "--platforms=cpu"]
    )


def test_tensors_may_come_as_safetensors(tmp_path):
    from safetensors.torch import save_file

    tensors, run = mimicry.generator()
    save_file(tensors, tmp_path / "G.safetensors")
    convert.main(
        [f"--input={tmp_path / 'G.safetensors'}", "--layout=mimicry", f"--output={tmp_path / 'x.safetensors'}"]
    )
    z = rng.standard_normal((3, 7)).astype(np.float32)
    same(jaxgan.load(tmp_path / "x.safetensors"), run, torch.tensor(z).double(), latents=z)


def without(name):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("layout", "change", "message"),
    [
        (
            "mimicry",
            without("block2.c2.weight"),
            "is no generator in the layout mimicry: it has no tensor block2.c2.weight",
        ),
        (
            "mimicry",
            lambda all: all | {"more.weight": torch.zeros(2)},
            "it has the tensor 'more.weight', which that layout",
        ),
        (
            "mimicry",
            lambda all: all | {"c4.bias": torch.tensor([0.0, float("nan"), 0.0])},
            "c4.bias holds numbers that are not",
        ),
        ("mimicry", lambda all: all | {"c4.bias": torch.zeros(3).long()}, "its c4.bias is of int64, not of floats"),
        (
            "mimicry",
            lambda all: all | {"b4.bias": torch.zeros(9)},
            "norm/bias has the shape .9,., and the network .* .4,.",
        ),
        ("mimicry", lambda all: {}, "is no generator in the layout mimicry"),
        (
            "biggan_pytorch",
            lambda all: all,
            "is no generator in the layout biggan_pytorch: it has 0 blocks, not 3 to 7",
        ),
        ("studiogan", lambda all: all, "is no generator in the layout studiogan"),
        ("cyclegan", lambda all: all, "is no generator in the layout cyclegan: it has no residual blocks"),
        ("stylegan2_ada", lambda all: all, "is no generator in the layout stylegan2_ada"),
        ("minicry", lambda all: all, "--layout=minicry: there is no such layout: did you mean 'mimicry'"),
    ],
)
def test_what_cannot_be_converted_is_said_in_a_line(tmp_path, layout, change, message):
    tensors, _ = mimicry.generator()
    with pytest.raises(UserError, match=message) as raised:
        converted(tmp_path, layout, change(tensors))
    assert "\n" not in str(raised.value) and not list(tmp_path.glob("made*"))


def test_files_and_outputs_that_cannot_be(tmp_path):
    tensors, _ = cyclegan.generator()
    torch.save({"network": torch.nn.Linear(2, 2)}, tmp_path / "module.pth")
    torch.save(tensors, tmp_path / "G.pth")
    (tmp_path / "web.pth").write_text("<html>")
    (tmp_path / "there.safetensors").touch()
    usual = ["--layout=cyclegan", f"--output={tmp_path / 'x.safetensors'}"]
    for arguments, message in (
        ([f"--input={tmp_path / 'module.pth'}", *usual], "which no file of weights needs; nothing was run"),
        ([f"--input={tmp_path / 'web.pth'}", *usual], "no file of torch.save"),
        ([f"--input={tmp_path / 'none.pth'}", *usual], "none.pth cannot be read .No such file"),
        ([f"--input={tmp_path / 'G.pth'}", f"--input={tmp_path / 'G.pth'}", *usual], "is given twice"),
        ([f"--input={tmp_path / 'G.pth'}", "--layout=cyclegan", f"--output={tmp_path / 'x.npz'}"], "does not end in"),
        (
            [f"--input={tmp_path / 'G.pth'}", "--layout=cyclegan", f"--output={tmp_path / 'there.safetensors'}"],
            "exists already: remove it",
        ),
        (["--layout=cyclegan"], "the following arguments are required"),
    ):
        with pytest.raises(UserError, match=message):
            convert.main(arguments)
