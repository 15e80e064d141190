"""Where results go: what cannot be written is refused in one line, before anything is computed, and nothing is waited for."""

import os
import pathlib
import subprocess
import sys

import pytest

from jaxgan.commands import evaluate, explore, use, video
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.files import check_place
from jaxgan.training import command_line, train

ROOT = pathlib.Path(__file__).parents[2]


def bad_places(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Where nothing can be written."""
    (folder / "file").touch()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("nowhere/at/all")
    (folder / "link_to_device").symlink_to("/dev/zero")
    return {
        "pipe": folder / "pipe",
        "device": pathlib.Path("/dev/null"),
        "link to a device": folder / "link_to_device",
        "below a file": folder / "file" / "x.png",
        "below a pipe": folder / "pipe" / "x.png",
        "below a device": pathlib.Path("/dev/full/x.png"),
        "below a link to nowhere": folder / "dangling" / "x.png",
        "below a pseudo file system": pathlib.Path("/proc/x.png"),
        "a name that is too long": folder / ("x" * 252 + ".png"),
        "a folder": folder,
    }


COMMANDS = [
    ("sample", "dcgan", []),
    ("sample", "dcgan", ["--format=folder"]),
    ("latents", "dcgan", []),
    ("judge", "dcgan", ["--input={input}"]),
    ("translate", "cyclegan", ["--input={input}", "--source=a", "--target=b"]),
    ("explore", "dcgan", []),
    ("video", "dcgan", []),
    ("evaluate", "dcgan", ["--metrics=fid", "--features=digits", "--num=20"]),
]


@pytest.mark.parametrize(("command", "variant", "options"), COMMANDS)
def test_no_command_computes_what_it_cannot_write(runs, tmp_path, monkeypatch, capsys, command, variant, options):
    folder, _ = runs(variant)
    capsys.readouterr()  # what training said
    os.mkdir(tmp_path / "input")
    mains = {"explore": explore.main, "video": video.main, "evaluate": evaluate.main}
    main = mains.get(command, lambda rest: use.main(command, rest))
    for what in ("use", "nets_call"):
        monkeypatch.setattr(Snapshot, what, lambda *_, **__: pytest.fail("something was computed"))
    for called, place in bad_places(tmp_path).items():
        given = [option.format(input=ROOT / "docs" / "images") for option in options]
        asked = [f"--workdir={folder}", "--trust", f"--output={place}", *given]
        assert command_line.run(lambda asked=asked: main(asked)) == 2, called
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1, called
        assert place.name in said and any(cure in said for cure in ("choose another", "remove it")), called


def test_no_run_begins_in_a_folder_that_cannot_be_written(tiny, tmp_path):
    for called, place in bad_places(tmp_path).items():
        if called not in ("a folder", "a name that is too long"):
            with pytest.raises(UserError, match=r"config.json cannot be written \(.*\): choose another place"):
                train(tiny("wgan_gp"), place)


def test_places_that_can_be_written_are_left_as_they_are(tmp_path):
    check_place(tmp_path / "new" / "er" / "x.png")
    check_place(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_results_of_a_pipe_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe is no file of results"):
        evaluate.compare(tmp_path / "pipe", tmp_path / "pipe")


def test_a_full_disk_is_one_line(capsys):
    def main():
        with open("/dev/full", "w") as file:
            file.write("x")

    assert command_line.run(main) == 1
    assert capsys.readouterr().err == "error: No space left on device; make room, and run the same command again\n"


def test_a_folder_where_a_file_is_due_is_one_line(tmp_path, capsys):
    (tmp_path / "x.txt").mkdir()
    assert command_line.run(lambda: (tmp_path / "x.txt").write_text("x")) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'x.txt'}: Is a directory\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    """As `python -m jaxgan ... | head -1` does."""
    program = "import sys\nfrom jaxgan.training import command_line\n"
    program += "sys.exit(command_line.run(lambda: [print('x' * 999) for _ in range(9999)] and 0))\n"
    ours = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    ours.stdout.read(10)
    ours.stdout.close()
    assert ours.stderr.read() == b"" and ours.wait() == 1
    ours.stderr.close()
