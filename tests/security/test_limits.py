"""What claims to be huge, or becomes huge, is refused in a process that has little memory to spare."""

import json
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from jaxgan import foreign
from jaxgan.errors import ConfigError, UserError
from jaxgan.evaluation.protocol import append_results
from jaxgan.features.foreign_files import WeightsError, read_graph, read_torch
from jaxgan.foreign import MAX_UNPACKED, MIB, check_expansion, read_npz
from jaxgan.training.checkpoints import Checkpoints
from tests.security.test_hostile_pictures import header
from tests.training.test_checkpoints import abstract, make_state

SPARE = 256  # MiB, beyond what the imports take
PROGRAM = """
import pathlib, resource, sys
from jaxgan.commands.inputs import InputImages, read_latents
from jaxgan.core.arrays import ArraySpec
from jaxgan.config import default
from jaxgan.errors import ConfigError, UserError
from jaxgan.evaluation.protocol import append_results
from jaxgan.evaluation.compared import open_images
from jaxgan.evaluation.cached_statistics import load_statistics
from jaxgan.data import make_source
from jaxgan.features.foreign_files import read_torch, read_graph
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.records import read_metrics
import numpy, PIL.PngImagePlugin, PIL.WebPImagePlugin, PIL.JpegImagePlugin, zipfile, bz2, lzma

path = pathlib.Path(sys.argv[1])
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + {spare} * 2**20,) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    {call}
except UserError as error:
    print("refused:", error)
print("grew by", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
IMAGES = """
    data = default().data
    print([names for names, images in InputImages(path).read(ArraySpec((64, 64, 3), "float32", "image"), data)])"""
SOURCE = 'make_source("zip", path=str(path), image_size=64, max_unreadable=0.0).stack()'


def attempt(path, call, spare=SPARE):
    """What a process with little memory says, and by how many MiB its peak grew."""
    program = PROGRAM.format(call=call, spare=spare)
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said, _, grew = done.stdout.rpartition("grew by")
    assert said.count("refused") + done.stderr.count("skipped") == 1, said + done.stderr
    return said + done.stderr, int(grew)


def packed(path, name, start, mebibytes, method=zipfile.ZIP_DEFLATED):
    with (
        zipfile.ZipFile(path, "w", method, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(start)
        for _ in range(mebibytes):
            file.write(bytes(MIB))
    return path


def lying(path, size):
    """The same archive, which says that its one member is of another size."""
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(raw)
    return path


def npy(shape, dtype="<f4", order="False"):
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name + ".npy", data)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("call", [IMAGES, SOURCE], ids=["commands", "training"])
@pytest.mark.parametrize("kind", ["honest", "lying", "lzma", "pixels"])
def test_pictures_that_unpack_to_too_much(tmp_path, kind, call):
    path = tmp_path / "x.zip"
    if kind == "pixels":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.png", header(100_000, 100_000))
    else:
        method, size = (zipfile.ZIP_LZMA, 16) if kind == "lzma" else (zipfile.ZIP_DEFLATED, 600)
        packed(path, "x.png", b"", size, method)
    assert path.stat().st_size < 4 * MIB
    if kind == "lying":
        lying(path, 1000)
    said, grew = attempt(path, call)
    assert "x.png cannot be read" in said and grew < 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    ['read_latents("latents", path, None)', "open_images(str(path))", "load_statistics(path)"],
    ids=["latents", "images", "statistics"],
)
@pytest.mark.parametrize("kind", ["claims", "unpacks"])
def test_arrays_that_are_too_large(tmp_path, kind, call):
    name = "latents" if "latents" in call else "image" if "images" in call else "mu"
    path = tmp_path / "x.npz"
    if kind == "claims":
        npz(path, {name: npy((10**6, 10**6))})
    else:
        size = MAX_UNPACKED // MIB + 1
        packed(path, name + ".npy", npy((size * MIB // 4,)), size)
    said, grew = attempt(path, call)
    assert str(path) in said and grew < 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "call"),
    [("config.json", "RunFolder(path).read()"), ("metrics.jsonl", "read_metrics(path / 'metrics.jsonl')")],
)
def test_text_without_end(tmp_path, file, call):
    for name, text in (("config.json", "{}"), ("data.json", '{"arrays": {}, "domains": []}'), ("metrics.jsonl", "")):
        (tmp_path / name).write_text(text)
    with (tmp_path / file).open("r+b") as opened:
        opened.truncate(2**40)  # a hole, which takes no room on the disk
    said, grew = attempt(tmp_path, call)
    assert "is larger than" in said and grew < 100


@pytest.mark.slow
def test_a_graph_that_claims_a_huge_constant(tmp_path):
    """One number fills a tensor, of a trillion entries here."""

    def field(number, data):
        return bytes([number << 3 | 2]) + varint(len(data)) + data

    def varint(value):
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])

    dims = b"".join(field(2, b"\x08" + varint(10**6)) for _ in range(2))
    tensor = b"\x08\x01" + field(2, dims) + field(5, struct.pack("<f", 1.0))
    attribute = field(5, field(1, b"value") + field(2, field(8, tensor)))
    path = tmp_path / "x.pb"
    path.write_bytes(field(1, field(1, b"x") + field(2, b"Const") + attribute))
    assert read_graph(path)["x"].shape == (10**6, 10**6)
    assert attempt(path, "raise UserError(str(read_graph(path)['x'].shape))")[1] < 100


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x": npy((2**32, 2**32))}, "not as large as its header says"),
        ({"x": npy((-1,)) + bytes(4)}, "not as large as its header says"),
        ({"x": npy((4,)) + bytes(12)}, "not as large as its header says"),
        ({"x": npy((4,)) + bytes(20)}, "not as large as its header says"),
        ({"x": npy((1,), "|O") + b"cos\nsystem\n(S'touch x'\ntR."}, "Python objects"),
        ({"x": b"\x93NUMPY\x09\x00"}, "no .npz, or damaged"),
        ({"x": b"not an array"}, "no .npz, or damaged"),
        ({"x": b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60_000}, "no .npz, or damaged"),
        ({"\x1b[2J": npy((1,)) + bytes(4)}, "cannot be shown"),
    ],
)
def test_headers_that_lie(tmp_path, members, message):
    with pytest.raises(UserError, match=message) as caught:
        read_npz(npz(tmp_path / "x.npz", members))
    assert str(caught.value).isprintable()


def test_arrays_of_all_kinds_are_read(tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        "a": random.normal(size=(3, 4)),
        "b": np.asfortranarray(random.normal(size=(3, 4)).astype(np.float32)),
        "c": np.array(["text", "é"]),
        "d": np.int64(5),
        "e": np.zeros((0, 3)),
        "f": np.array([1, 2], ">i2"),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        found = read_npz(tmp_path / "x.npz")
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
    assert read_npz(tmp_path / "x.npz", lambda name: name == "d").keys() == {"d"}


def test_how_much_may_be_unpacked():
    check_expansion("it", 10 * MIB, MAX_UNPACKED)
    check_expansion("it", MAX_UNPACKED, 4 * MAX_UNPACKED)
    for stored, unpacked in ((10 * MIB, MAX_UNPACKED + 1), (MAX_UNPACKED, 4 * MAX_UNPACKED + 1)):
        with pytest.raises(UserError, match="it is not read"):
            check_expansion("it", stored, unpacked)


# ---- weights


def test_a_pickle_cannot_change_numpy(tmp_path):
    """A dtype that it is given could be rebuilt (BUILD) with another byte order, for the whole process."""
    import ml_dtypes

    state = b"(I3\nS'>'\nNNNI-1\nI-1\nI0\ntb"
    payload = b"\x80\x02}(X\x01\x00\x00\x00xctorch\nBFloat16Storage\n" + state + b"u."
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("archive/data.pkl", payload)
    with pytest.raises(WeightsError):
        read_torch(tmp_path / "x.pth")
    assert np.zeros(3, np.dtype(ml_dtypes.bfloat16)).astype(np.float32).tolist() == [0, 0, 0]


def test_weights_are_not_packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    with pytest.raises(WeightsError, match=r"packed, which torch\.save does not do"):
        read_torch(tmp_path / "x.pth")


def test_chunks_of_a_checkpoint_that_are_not_there(tmp_path, monkeypatch):
    """They would be filled with zeros: the shapes alone could ask for any amount of memory."""
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, state := make_state(10, width=100_000))  # of one number again and again
    with Checkpoints(tmp_path, write=False) as checkpoints:
        checkpoints.restore(10, abstract(state))
        monkeypatch.setattr(foreign, "MAX_UNPACKED", MIB)
        with pytest.raises(UserError, match=r"would become \d+ MiB in memory"):
            checkpoints.restore(10, abstract(state))


def test_pieces_of_a_checkpoint_that_are_larger_than_its_arrays(tmp_path):
    ts = pytest.importorskip("tensorstore")
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, state := make_state(10, width=8))
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{tmp_path / '10' / 'default'}/"}).result()
    name = next(key for key in store.list().result() if b"params" in key and key.endswith(b"/.zarray"))
    described = json.loads(store.read(name).result().value)
    store.write(name, json.dumps(described | {"chunks": [2**30] * len(described["chunks"])})).result()
    with (
        Checkpoints(tmp_path, write=False) as checkpoints,
        pytest.raises(ConfigError, match=r"stored in pieces that are larger than it\): it is damaged"),
    ):
        checkpoints.restore(10, abstract(state))


def test_a_pipe_among_the_files_of_a_checkpoint(tmp_path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(10, make_state(10))
    file = tmp_path / "run" / "10" / "default" / "_METADATA"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="_METADATA is no file: remove it"):
        Checkpoints(tmp_path / "run", write=False)
    os.mkfifo(tmp_path / "evaluation.jsonl")
    with pytest.raises(UserError, match=r"evaluation.jsonl is no file: remove it"):
        append_results(tmp_path / "evaluation.jsonl", [])
