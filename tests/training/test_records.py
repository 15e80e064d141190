"""Records: the file of a resumed run, the clock, and the numbers that are shown."""

import io
import json
import sys
import time

import pytest

from jaxgan.errors import UserError
from jaxgan.training.records import Records, Stopwatch, read_metrics
from jaxgan.training.run_folder import RunFolder


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def pass_seconds(seconds):
        now[0] += seconds

    return pass_seconds


def test_a_stopwatch_counts_from_its_start_and_not_while_paused(clock):
    watch = Stopwatch(5.0)
    clock(3)
    with watch.paused():
        clock(4)
    assert watch.seconds == 5.0 and not watch.started
    watch.start()
    clock(2)
    with watch.paused():
        clock(50)
        assert watch.seconds == 7.0
    clock(1)
    assert watch.seconds == 8.0


def test_a_resumed_file_is_cut_at_the_step_and_at_an_unfinished_line(tmp_path):
    lines = [{"step": step, "images": 8 * step, "loss": 0.5} for step in (0, 5, 10, 15)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 20, "ima')
    assert read_metrics(tmp_path / "metrics.jsonl") == lines
    with Records(RunFolder(tmp_path), 10) as records:
        records.evaluated(15, 120, {"score": 2.0})
    assert read_metrics(tmp_path / "metrics.jsonl") == [*lines[:3], {"step": 15, "images": 120, "score": 2.0}]
    with Records(RunFolder(tmp_path), None):
        pass
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_what_lies_behind_a_broken_line_stays(tmp_path):
    lines = [{"step": step, "images": 8 * step, "loss": 0.5} for step in (0, 5, 10)]
    texts = [json.dumps(line) for line in lines]
    texts[1:1] = ['{"step": 3, "ima', "\\x00"]
    (tmp_path / "metrics.jsonl").write_text("\n".join(texts) + "\n")
    with Records(RunFolder(tmp_path), 10):
        pass
    assert read_metrics(tmp_path / "metrics.jsonl") == lines


def test_a_line_that_is_no_text_is_left_out_and_the_others_stay(tmp_path):
    lines = [{"step": step, "images": 8 * step, "loss": 0.5} for step in (0, 5, 10)]
    first, second, third = (json.dumps(line).encode() for line in lines)
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([first, b"\xff\xfe\x91", second, third[:-3] + b"\x80", third]))
    with Records(RunFolder(tmp_path), 10):
        pass
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"\n".join([first, second, third, b""])


@pytest.mark.parametrize(
    "line", ["null", "[1, 2]", '{"step": "x", "images": 8}', '{"step": 3, "images": 8, "loss": "low"}']
)
def test_json_that_is_no_record_is_shown_with_the_cure(line, tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "images": 0}\n' + line + "\n")
    with pytest.raises(UserError) as caught:
        read_metrics(tmp_path / "metrics.jsonl")
    assert line in str(caught.value) and str(caught.value).endswith("remove that line")


def test_images_per_second_and_time_left(tmp_path, clock, capfd):
    """A first step at 30 s, then 64 images in 0.5 s each; a pause of 20 s counts for the time left alone."""
    with Records(RunFolder(tmp_path), None) as records:
        clock(30)
        for step in range(1, 6):
            records.progress(64 * step, step / 10)
            if step < 5:
                clock(0.5)
            if step == 2:
                with records.stopwatch.paused():
                    clock(20)
        records.log(5, 320, {"critic/loss": 0.25, "generator/loss": 1.5, "critic/penalty": 3.0}, 0.5)
        clock(1.0)
        records.log(6, 384, {"critic/loss": float("nan")}, 0.6)
    first, second = read_metrics(tmp_path / "metrics.jsonl")
    assert first["images_per_second"] == pytest.approx(4 * 64 / 2.0) and first["seconds"] == 2.0
    assert second["images_per_second"] == 64.0 and second["seconds"] == 3.0
    assert second["critic/loss"] is None and first["critic/penalty"] == 3.0
    # 22 seconds for 0.4 of the run: 27.5 for the half that is left.
    assert capfd.readouterr().err.splitlines()[0] == (
        "step=5 images=320 critic/loss=0.25 generator/loss=1.5 images/s=128.0 left=0:00:28"
    )


def test_a_terminal_gets_a_bar(tmp_path, clock, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    with Records(RunFolder(tmp_path), None) as records:
        records.progress(64, 0.25)
        clock(1)
        records.progress(128, 0.5)
        records.log(2, 128, {"critic/loss": 0.25, "critic/penalty": 1.0}, 0.5)
    assert terminal.getvalue().rstrip().endswith("| step 2  critic 0.250  64 images/s  0:00:02 left")
    assert " 50%|" in terminal.getvalue()


def test_the_seconds_of_a_resumed_run_go_on(tmp_path, clock):
    (tmp_path / "metrics.jsonl").write_text('{"step": 5, "images": 40, "loss": 1.0, "seconds": 12.0}\n')
    with Records(RunFolder(tmp_path), 5) as records:
        records.progress(48, 0.6)
        clock(2)
        records.log(7, 56, {}, 0.7)
        assert records.lines[-1]["seconds"] == 14.0
        assert records.series("seconds") == {5: 12.0, 7: 14.0}


def test_a_result_is_the_last_of_everything_and_the_first_beside_it(tmp_path):
    with Records(RunFolder(tmp_path), None) as records:
        for step, score in [(0, 100.0), (5, 50.0), (10, 20.0)]:
            records.evaluated(step, 8 * step, {"score": score})
        assert records.result(12, 96) == {
            "untrained/score": 100.0, "score": 20.0, "step": 12, "images": 96, "seconds": 0.0,
        }  # fmt: skip


def test_other_processes_write_and_print_nothing(tmp_path, capfd):
    with Records(RunFolder(tmp_path / "run"), None, write=False) as records:
        records.evaluated(0, 0, {"score": 1.0})
        records.log(1, 8, {"loss": 1.0}, 0.1)
        records.print("done")
    assert not (tmp_path / "run").exists()
    assert capfd.readouterr() == ("", "")


def test_tensorboard_gets_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    with Records(RunFolder(tmp_path), None) as records:
        records.evaluated(5, 40, {"score": 0.25})
    (file,) = (tmp_path / "tensorboard").iterdir()
    data, found = file.read_bytes(), {}
    while data:  # length, its checksum, the record, its checksum
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        found |= {value.tag: (event.step, value.simple_value) for value in event.summary.value}
        data = data[16 + length :]
    assert found == {"score": (5, 0.25)}
