"""Weight files: what torch.save and TensorFlow write is read as it is; what is hostile, cut short or foreign is refused."""

import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxgan.commands.weights import main
from jaxgan.features import content, inception, vgg, weights
from jaxgan.features.foreign_files import WeightsError, read_graph, read_torch

WIDTHS = (64, 128, 256, 512, 512)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The user's cache, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "weights"


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def lpips_state():
    random = np.random.default_rng(0)
    return {
        f"lin{level}.model.1.weight": random.random((1, width, 1, 1), np.float32) for level, width in enumerate(WIDTHS)
    }


def save(torch, state, path, legacy=False):
    tensors = {name: torch.tensor(array) for name, array in state.items()}
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)
    return path


def inception_state():
    """A PyTorch state of all of Inception's names, each array small and of its own numbers."""
    random, state = np.random.default_rng(0), {}
    for unit in inception.tensorflow_scopes().values():
        unit = unit.replace("/", ".")
        state[f"{unit}.conv.weight"] = random.random((5, 4, 3, 2), np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{unit}.bn.{part}"] = random.random(5, np.float32)
        state[f"{unit}.bn.num_batches_tracked"] = np.array(3)
    return state | {"fc.weight": random.random((7, 6), np.float32), "fc.bias": random.random(7, np.float32)}


# A protocol buffer by hand.


def varint(number):
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number


def field(number, value):
    if isinstance(value, int):
        return bytes([*varint(number << 3), *varint(value)])
    return bytes([*varint(number << 3 | 2), *varint(len(value))]) + value


def tensor_proto(array, values=None, dtype=1):
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    content = field(4, array.astype("<f4").tobytes()) if values is None else values
    return field(1, dtype) + field(2, shape) + content


def node(name, tensor, op="Const"):
    attributes = field(5, field(1, b"dtype") + field(2, field(6, 1)))
    attributes += field(5, field(1, b"value") + field(2, field(8, tensor)))
    return field(1, field(1, name.encode()) + field(2, op.encode()) + field(3, b"an input") + attributes)


def graph_of(state):
    """The graph that holds the numbers of a PyTorch state of Inception."""
    nodes = [
        node("softmax/weights", tensor_proto(state["fc.weight"].T)),
        node("softmax/biases", tensor_proto(state["fc.bias"])),
    ]
    for scope, unit in inception.tensorflow_scopes().items():
        unit = unit.replace("/", ".")
        nodes.append(node(f"{scope}/conv2d_params", tensor_proto(state[f"{unit}.conv.weight"].transpose(2, 3, 1, 0))))
        for theirs, ours in zip(
            ("gamma", "beta", "moving_mean", "moving_variance"),
            ("weight", "bias", "running_mean", "running_var"),
            strict=True,
        ):
            nodes.append(node(f"{scope}/batchnorm/{theirs}", tensor_proto(state[f"{unit}.bn.{ours}"])))
    return b"".join(nodes) + field(4, field(1, 9))


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_are_read_to_the_bit(torch, tmp_path, legacy):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "float": torch.randn(3, 5),
        "transposed": base.t(),
        "a view of the same storage": base[1:3, ::2],
        "half": torch.randn(4).half(),
        "double": torch.randn(2, 2).double(),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=not legacy)
    found = read_torch(tmp_path / "x.pth")
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        expected = tensor.detach().numpy()
        assert found[name].dtype == expected.dtype and found[name].shape == expected.shape, name
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_modules_own_state(torch, tmp_path, legacy):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(
        {"state_dict": module.state_dict(), "epoch": 3}, tmp_path / "x.pth", _use_new_zipfile_serialization=not legacy
    )
    found = read_torch(tmp_path / "x.pth")
    assert found.keys() == module.state_dict().keys()
    np.testing.assert_array_equal(found["0.weight"], module[0].weight.detach())


def test_bfloat16(torch, tmp_path):
    torch.save({"x": torch.tensor([1.5, -3.0]).bfloat16()}, tmp_path / "x.pth")
    np.testing.assert_array_equal(read_torch(tmp_path / "x.pth")["x"].astype(np.float32), [1.5, -3.0])


@pytest.mark.parametrize("legacy", [False, True])
def test_convert_and_load(torch, tmp_path, legacy, cache):
    state = lpips_state()
    assert weights.convert(save(torch, state, tmp_path / "x.pth", legacy), verify=False) == "lpips"
    assert [path.name for path in cache.iterdir()] == ["lpips.npz"]
    with np.load(cache / "lpips.npz") as file:
        for level in range(5):
            np.testing.assert_array_equal(
                file[f"params/linear/lin{level}"], state[f"lin{level}.model.1.weight"].reshape(-1)
            )


def test_lpips_takes_the_convolutions_of_vgg16(torch, tmp_path, monkeypatch):
    random, layer, state = np.random.default_rng(0), 0, {}
    for widths in vgg.VGG16_WIDTHS:
        for _ in widths:
            state[f"features.{layer}.weight"], state[f"features.{layer}.bias"] = (
                random.random((4, 3, 2, 1)),
                random.random(4),
            )
            layer += 2
        layer += 1
    state |= {"classifier.0.weight": random.random((2, 25088)), "classifier.0.bias": random.random(2)}
    state |= {"classifier.3.weight": random.random((3, 2)), "classifier.3.bias": random.random(3)}
    expected = {key: array.astype(np.float32) for key, array in vgg.from_torch(state).items()}
    shapes = weights._shapes
    monkeypatch.setattr(
        weights, "_shapes", lambda name: {k: v.shape for k, v in expected.items()} if name == "vgg16" else shapes(name)
    )
    weights.convert(save(torch, lpips_state(), tmp_path / "lpips.pth"), verify=False)
    with pytest.raises(WeightsError, match=r"vgg16-397923af\.pth"):
        weights.load("lpips")
    assert weights.convert(save(torch, state, tmp_path / "vgg.pth"), verify=False) == "vgg16"
    found = flatten_dict(weights.load("lpips"), sep="/")
    assert {key for key in found if key.startswith("linear")} == {f"linear/lin{level}" for level in range(5)}
    assert {key for key in found if key.startswith("conv")} == {key for key in expected if key.startswith("conv")}
    for key, array in flatten_dict(weights.load("vgg16"), sep="/").items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected[key])
    # The distance depends on both files, and so does its hash.
    assert len({weights.sha256("lpips"), weights.sha256("vgg16")}) == 2


def test_vgg19_is_converted_from_its_file_and_then_compares_contents(torch, tmp_path, monkeypatch, cache, caplog):
    # torchvision's layout, but one channel a layer: the names tell VGG19 from VGG16, which lacks a thirty-fourth.
    random, layer, inputs, state = np.random.default_rng(0), 0, 3, {}
    for widths in vgg.VGG19_WIDTHS:
        for _ in widths:
            state[f"features.{layer}.weight"] = random.random((1, inputs, 3, 3), np.float32)
            state[f"features.{layer}.bias"] = random.random(1, np.float32)
            layer, inputs = layer + 2, 1
        layer += 1
    state["classifier.0.weight"] = random.random((2, 5), np.float32)  # dense layers are left out
    monkeypatch.setattr(vgg, "VGG19_WIDTHS", tuple((1,) * len(widths) for widths in vgg.VGG19_WIDTHS))
    content._params.cache_clear()
    assert content.vgg54() is None and "python -m jaxgan weights vgg19-dcbb9e9d.pth" in caplog.text
    with pytest.raises(WeightsError, match="its SHA-256 is"):
        weights.convert(save(torch, state, tmp_path / "x.pth"))
    assert weights.convert(tmp_path / "x.pth", verify=False) == "vgg19"
    found = weights.load("vgg19")
    np.testing.assert_array_equal(found["conv5_4"]["kernel"], state["features.34.weight"].transpose(2, 3, 1, 0))
    assert len(found) == 16
    images = random.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(content.vgg54()(images), vgg.content_map(found, images, 5))
    np.testing.assert_array_equal(content.vgg22()(images), vgg.content_map(found, images, 2))
    content._params.cache_clear()


def test_the_graph_and_the_pytorch_file_give_the_same_inception(torch, tmp_path, monkeypatch):
    state = inception_state()
    expected = inception.from_torch(state)
    assert len(expected) == 472
    monkeypatch.setattr(weights, "_shapes", lambda name: {key: array.shape for key, array in expected.items()})
    (tmp_path / "graph.pb").write_bytes(graph_of(state))
    loaded, hashes = [], []
    for path in (tmp_path / "graph.pb", save(torch, state, tmp_path / "x.pth")):
        assert weights.convert(path, verify=False) == "inception"
        loaded.append(flatten_dict(weights.load("inception"), sep="/"))
        hashes.append(weights.sha256("inception"))
    for found in loaded:
        assert found.keys() == expected.keys()
        for key, array in expected.items():
            np.testing.assert_array_equal(found[key], array, err_msg=key)
    assert hashes[0] == hashes[1] and len(hashes[0]) == 64
    with pytest.raises(WeightsError, match="AuxLogits/conv0/kernel belongs to no layer"):
        foreign = state | {"AuxLogits.conv0.conv.weight": np.zeros((1, 1, 1, 1))}
        weights.convert(save(torch, foreign, tmp_path / "y.pth"), verify=False)
    changed = state | {"fc.bias": state["fc.bias"] + 1}
    weights.convert(save(torch, changed, tmp_path / "y.pth"), verify=False)
    assert weights.sha256("inception") != hashes[0]


def test_every_way_to_write_a_constant(tmp_path):
    numbers = np.array([1.5, -2.0, 3.25], np.float32)
    one_by_one = b"".join(bytes([*varint(5 << 3 | 5)]) + struct.pack("<f", number) for number in numbers)
    nodes = [
        node("content", tensor_proto(numbers)),
        node("packed", tensor_proto(numbers, values=field(5, numbers.tobytes()))),
        node("one by one", tensor_proto(numbers, values=one_by_one)),
        node("filled", tensor_proto(np.zeros((2, 3)), values=field(5, struct.pack("<f", 4.0)))),
        node("no constant", tensor_proto(numbers), op="Identity"),
        node("integers", tensor_proto(numbers, dtype=3)),
    ]
    (tmp_path / "x.pb").write_bytes(b"".join(nodes))
    found = read_graph(tmp_path / "x.pb")
    assert found.keys() == {"content", "packed", "one by one", "filled"}
    for name in ("content", "packed", "one by one"):
        np.testing.assert_array_equal(found[name], numbers)
    np.testing.assert_array_equal(found["filled"], np.full((2, 3), 4.0))


# What cannot be read.


def one_line(error):
    return "\n" not in str(error.value) and str(error.value)


@pytest.mark.parametrize("kind", ["zip", "legacy", "graph"])
def test_a_truncated_file_is_one_line_and_leaves_nothing(torch, tmp_path, kind, cache):
    path = tmp_path / ("x.pb" if kind == "graph" else "x.pth")
    if kind == "graph":
        path.write_bytes(graph_of(inception_state()))
    else:
        save(torch, lpips_state(), path, legacy=kind == "legacy")
    whole = path.read_bytes()
    for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(WeightsError) as error:
            weights.convert(path, verify=False)
        assert one_line(error).startswith(str(path))
    assert not cache.exists() or not list(cache.iterdir())


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_damage_is_refused_or_harmless_wherever_it_is(torch, tmp_path, kind):
    whole = bytearray(save(torch, lpips_state(), tmp_path / "x.pth", legacy=kind == "legacy").read_bytes())
    random, refused = np.random.default_rng(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        # Most of it in the pickle, which is all at one end.
        damaged[random.integers(0, 1200)] ^= 1 << random.integers(0, 8)
        (tmp_path / "x.pth").write_bytes(damaged)
        try:
            read_torch(tmp_path / "x.pth")
        except WeightsError:
            refused += 1
    assert refused > 100


def test_checksum(torch, tmp_path, monkeypatch):
    path = save(torch, lpips_state(), tmp_path / "weights-vgg16-lpips.pth")
    with pytest.raises(
        WeightsError, match=r"its SHA-256 is [0-9a-f]{64}, but that of weights-vgg16-lpips\.pth is a78928a0"
    ) as error:
        weights.convert(path)
    found = str(error.value).split("its SHA-256 is ")[1][:64]
    monkeypatch.setitem(weights.KNOWN, "lpips", weights.KNOWN["lpips"]._replace(sha256=found))
    assert weights.convert(path) == "lpips"


def test_names_hold_the_first_digits_of_their_checksums():
    for name in ("inception", "vgg16"):
        assert weights.KNOWN[name].file.removesuffix(".pth").endswith(weights.KNOWN[name].sha256[:8])
    assert all(len(bytes.fromhex(known.sha256)) == 32 for known in weights.KNOWN.values())


@pytest.mark.parametrize("name", ["inception", "vgg16", "dinov2"])
def test_missing_weights_name_file_checksum_and_command(name):
    known = weights.KNOWN[name]
    for call in (weights.load, weights.sha256):
        with pytest.raises(WeightsError) as error:
            call(name)
        message = one_line(error)
        assert known.file in message and known.sha256 in message and known.url in message
        assert f"python -m jaxgan weights {known.file}" in message


def test_other_errors(torch, tmp_path, cache):
    with pytest.raises(ValueError, match="inception, vgg16, vgg19, lpips, dinov2"):
        weights.load("resnet")
    with pytest.raises(WeightsError, match="no such file"):
        weights.convert(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="no network known here"):
        weights.convert(save(torch, {"x": np.zeros(3)}, tmp_path / "x.pth"))
    (tmp_path / "x.pth").write_text("<html>Not found</html>")
    with pytest.raises(WeightsError, match="no file of torch"):
        weights.convert(tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(WeightsError, match="but not of torch"):
        weights.convert(tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("x/data.pkl", "")
        archive.writestr("x/constants.pkl", "")
    with pytest.raises(WeightsError, match="TorchScript"):
        weights.convert(tmp_path / "x.pth")
    state = lpips_state()
    with pytest.raises(WeightsError, match="lack 'lin2"):
        weights.convert(
            save(torch, {k: v for k, v in state.items() if "lin2" not in k}, tmp_path / "x.pth"), verify=False
        )
    with pytest.raises(WeightsError, match=r"linear/lin1 .* is \(9,\), expected \(128,\)"):
        weights.convert(
            save(torch, state | {"lin1.model.1.weight": np.zeros((1, 9, 1, 1))}, tmp_path / "x.pth"), verify=False
        )
    flat = {f"features.{layer}.weight": np.zeros(3) for layer in range(29)}
    with pytest.raises(WeightsError, match="shapes are not those of 'vgg16'"):
        weights.convert(save(torch, flat | {"features.0.bias": np.zeros(3)}, tmp_path / "x.pth"), verify=False)
    assert not cache.exists()


def test_a_damaged_cache_says_so(torch, tmp_path, cache):
    weights.convert(save(torch, lpips_state(), tmp_path / "x.pth"), verify=False)
    whole = (cache / "lpips.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"nonsense", whole[:1000] + bytes(50) + whole[1050:]):
        (cache / "lpips.npz").write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"damaged or cut short; convert weights-vgg16-lpips\.pth again"):
            weights._read("lpips", "params/")


def test_a_failed_write_leaves_the_old_weights(torch, tmp_path, cache, monkeypatch):
    path = save(torch, lpips_state(), tmp_path / "x.pth")
    weights.convert(path, verify=False)
    before = (cache / "lpips.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        weights.convert(path, verify=False)
    assert [entry.name for entry in cache.iterdir()] == ["lpips.npz"]
    assert (cache / "lpips.npz").read_bytes() == before


def test_shapes_of_the_networks():
    # By hand: Inception's last layer, VGG16's first, DINOv2's table of positions; and none of them empty.
    assert weights._shapes("inception")["fc_kernel"] == (2048, 1008)
    assert weights._shapes("vgg16")["dense_1/kernel"] == (25088, 4096)
    assert weights._shapes("dinov2")["pos_embed"] == (1370, 1024)
    assert weights._shapes("lpips") == {f"linear/lin{level}": (width,) for level, width in enumerate(WIDTHS)}


def test_the_command(torch, tmp_path, capsys):
    path = save(torch, lpips_state(), tmp_path / "x.pth")
    main([str(path), "--unverified"])
    printed = capsys.readouterr().out
    assert "unverified: it is not the one on public record" in printed and weights.cache_path("lpips").name in printed
    with pytest.raises(WeightsError, match="its SHA-256 is"):
        main([str(path)])


def test_the_command_in_a_shell(tmp_path):
    command = [sys.executable, "-m", "jaxgan", "weights", str(tmp_path / "missing.pth")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr == f"error: {tmp_path / 'missing.pth'}: no such file\n"
