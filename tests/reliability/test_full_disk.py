"""A disk that is full: one line that names the file, nothing half-written stays, and the next run ends with the same bits."""

import errno
import os
import subprocess
import sys

import pytest

from jaxgan.files import atomically
from jaxgan.training import command_line
from jaxgan.training.records import read_metrics
from tests.training.test_kill import ROOT, TINY

LIMITED = """
import resource, sys
from jaxgan import training
from jaxgan.training import command_line
config = command_line.load_config(sys.argv[1])
config.log_every, config.checkpoint_every, config.sample_every, config.metrics = 1, 3, 0, ()
config.steps = 6
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(command_line.run(lambda: training.train(config, sys.argv[2]) and None))
"""


@pytest.mark.slow
def test_a_full_disk_in_a_save_is_one_line_and_leaves_nothing_half_written(tmp_path):
    # No file may be longer than the limit: config.json is shorter, some of a checkpoint's files are longer.
    command = [sys.executable, "-c", LIMITED, f"{TINY}:dcgan", str(tmp_path / "run"), "6000"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"error: {tmp_path}/run/checkpoints: a checkpoint cannot be written (File too large)")
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) >= 3  # what was complete stays
    goes_on = subprocess.run([*command[:-1], str(2**30)], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert goes_on.returncode == 0 and (tmp_path / "run" / "checkpoints" / "6").is_dir()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_that_cannot_be_finished_is_named_and_taken_away(tmp_path, capsys, number):
    path = tmp_path / "kept.txt"
    path.write_text("before")

    def write():
        with atomically(path) as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    assert command_line.run(write) == 1
    said = capsys.readouterr().err
    assert said == f"error: {path}: {os.strerror(number)}; make room, and run the same command again\n"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "before"


def test_an_error_that_is_the_programs_own_keeps_its_traceback():
    def fail():
        raise OSError("ours")

    with pytest.raises(OSError, match="ours"):
        command_line.run(fail)
