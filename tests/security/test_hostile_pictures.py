"""Zips, folders and pictures of others: their names stay below the output, and nothing is taken at its word."""

import io
import os
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from jaxgan import foreign
from jaxgan.commands import use
from jaxgan.commands.inputs import output_names
from jaxgan.data import DataError, make_source
from jaxgan.data.containers import open_container
from jaxgan.errors import UserError
from jaxgan.foreign import MAX_PIXELS, below, checked_name, open_picture

pytestmark = pytest.mark.slow

LEADING_OUT = [
    "{absolute}",
    "/x.png",
    "//server/share/x.png",
    "a/../../x.png",
    "../x.png",
    "a//x.png",
    "./x.png",
    "C:/x.png",
    "C:x.png",
    "c:\\x.png",
    "a\\..\\..\\x.png",
    "\\\\server\\share\\x.png",
]
UNPRINTABLE = ["\x1b[31mx.png", "a\n/x.png", "\x9b31mx.png", "x\u2028.png"]


def png(size=(8, 8), **options):
    file = io.BytesIO()
    Image.new("L", size).save(file, "PNG", **options)
    return file.getvalue()


def header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name) if isinstance(name, str) else name, data)
    return path


def everything_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_that_lead_out_are_refused(tmp_path, name):
    name = name.format(absolute=tmp_path / "x.png")
    for windows in (False, True):
        with pytest.raises(UserError, match="could lead out of a folder"):
            checked_name(name, "it", windows)
    with pytest.raises(UserError, match="could lead out of a folder"):
        output_names([name], tmp_path / "out")


@pytest.mark.parametrize("name", UNPRINTABLE)
def test_names_that_cannot_be_shown_are_refused(tmp_path, name):
    with pytest.raises(UserError, match="cannot be shown") as caught:
        checked_name(name, "it")
    assert str(caught.value).isprintable()
    (tmp_path / "in" / os.path.dirname(name)).mkdir(parents=True)
    (tmp_path / "in" / name).write_bytes(png())
    with pytest.raises(DataError, match="cannot be shown"):
        open_container(str(archive(tmp_path / "x.zip", {name: png()})))
    (tmp_path / "in" / "plain.png").write_bytes(png())  # a folder's own file system may hold anything: it is left out
    assert open_container(str(tmp_path / "in")).names == ["plain.png"]


def test_devices_of_windows_are_refused_there_alone():
    for name in ("con.png", "a/NUL", "com1.tar.png", "LPT9/x.png", "x.png:stream", "a./x.png", "a /x.png"):
        assert checked_name(name, "it", windows=False) == name
        with pytest.raises(UserError, match="could lead out"):
            checked_name(name, "it", windows=True)
    for name in ("console.png", "a/common.png", "ünï/ﬁ 　x.png", "..x/y...png"):
        assert checked_name(name, "it", windows=True) == name


@pytest.mark.parametrize(("command", "variant"), [("translate", "cyclegan"), ("judge", "dcgan")])
@pytest.mark.parametrize("name", [*LEADING_OUT, UNPRINTABLE[0]])
def test_no_command_writes_where_an_archive_says(runs, tmp_path, monkeypatch, command, variant, name):
    """A zip with a good picture and a name that leads out, before and after it."""
    precious = tmp_path / "x.png"
    precious.write_bytes(b"mine")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    members = {"a.png": png(), name.format(absolute=precious): png()}
    file = archive(tmp_path / "in.zip", members)
    before = everything_below(tmp_path)
    run = runs(variant)[0]
    with pytest.raises(UserError, match=r"could lead out of a folder|cannot be shown"):
        use.main(command, [f"--workdir={run}", f"--input={file}", "--output=out"])
    assert everything_below(tmp_path) == before


def test_translated_names_stay_below_the_output(runs, tmp_path):
    """A folder that a link member names becomes a folder; a link to a picture is left out."""
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    folder = zipfile.ZipInfo("sub")
    folder.external_attr = (stat.S_IFLNK | 0o777) << 16
    (tmp_path / "x.png").write_bytes(png())
    members = {link: str(tmp_path / "x.png"), folder: str(tmp_path), "sub/x.png": png(), "b.png": png()}
    file = archive(tmp_path / "in.zip", members)
    before = everything_below(tmp_path)
    run = runs("cyclegan")[0]
    status = use.main("translate", [f"--workdir={run}", f"--input={file}", f"--output={tmp_path / 'out'}"])
    after = everything_below(tmp_path)
    assert status == 0 and {path: after[path] for path in before} == before
    assert {str(path.relative_to(tmp_path)) for path in after.keys() - before.keys()} == {"out/b.png", "out/sub/x.png"}


def test_links_in_an_output_folder(tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "sub").symlink_to(outside)
    (out / "x.png").symlink_to(outside / "x.png")
    (out / "near").symlink_to(out / "real")
    for name in ("sub/x.png", "x.png", "sub"):
        with pytest.raises(UserError, match="behind a link that leads out of"):
            below(out, name)
    assert below(out, "near/x.png") == out / "near" / "x.png"
    (tmp_path / "name").symlink_to(out)  # the folder itself is what its user names
    assert below(tmp_path / "name", "y.png").name == "y.png"


# ---- what is in the files


def test_other_programs_are_not_started(tmp_path, monkeypatch):
    """Pillow gives PostScript to Ghostscript, whatever the file is called."""
    mark, script = tmp_path / "it ran", tmp_path / "bin" / "gs"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "x.png", "EPS")
    (folder / "y.png").write_bytes(png())
    source = make_source("folder", path=str(folder), image_size=8, max_unreadable=0.5)
    assert len(source.stack()["image"]) == 2 and source.unreadable == 1 and not mark.exists()
    with pytest.raises(Exception), Image.open(folder / "x.png") as picture:  # noqa: B017
        picture.load()
    assert mark.exists()  # the ammunition is live


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "y.png").write_bytes(png())
    (tmp_path / "z.png").symlink_to("/dev/zero")
    source = make_source("folder", path=str(tmp_path), image_size=8)
    source.stack()
    assert len(source) == 1 and source.unreadable == 0


def test_pictures_are_measured_by_their_headers():
    for width, height in ((100_000, 100_000), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1), (9000, 9000)):
        with pytest.raises(OSError, match=r"pixels|broken|identify"):
            open_picture(io.BytesIO(header(width, height)))
    with open_picture(io.BytesIO(header(8192, 8192))) as picture, pytest.raises(OSError, match=r"."):
        picture.load()  # cut short


def test_formats_that_are_read(tmp_path):
    pixels = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    for format in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", *(["AVIF"] if foreign.READS_AVIF else [])):
        pixels.save(tmp_path / "x", format)
        with open_picture(str(tmp_path / "x")) as picture:
            assert picture.convert("RGB").size == (8, 8)
    for format in ("ICO", "PDF", "PPM", "TGA", "PCX"):
        pixels.save(tmp_path / "x", format)
        with pytest.raises(OSError, match="cannot identify"):
            open_picture(str(tmp_path / "x"))


def test_one_bad_picture_is_skipped_by_the_commands(runs, tmp_path, capsys):
    members = {"bomb.png": header(100_000, 100_000), "good.png": png(), "strip.png": png((1, 2**24), compress_level=1)}
    file = archive(tmp_path / "in.zip", members)
    run = runs("cyclegan")[0]
    assert use.main("translate", [f"--workdir={run}", f"--input={file}", f"--output={tmp_path / 'out'}"]) == 1
    told = capsys.readouterr().err
    assert "bomb.png cannot be read" in told and "strip.png cannot be read" in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
