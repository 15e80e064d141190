"""Protocols: keys that say what changes a value, and a refusal to compare what was made differently."""

import dataclasses

import pytest

from jaxgan.evaluation.protocol import Protocol, Result, append_results, difference, read_results

PROTOCOL = Protocol(
    fakes=50_000,
    image="32x32x3",
    features="inception",
    resize="tf1",
    weights="ab" * 32,
    reference="tfds:cifar10",
    split="train",
    references=50_000,
    whole=True,
    average=True,
    batch_norm="16 batches of 64",
)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "fid50k_full/tf1"),
        ({"resize": "clean"}, "fid50k_full/clean"),
        ({"split": "test", "fakes": 10_000}, "fid10k_test/tf1"),
        ({"references": 10_000, "whole": False}, "fid50k_10k/tf1"),
        ({"split": "test", "references": 500, "whole": False}, "fid50k_test_500/tf1"),
        ({"split": ""}, "fid50k_full/tf1"),
        ({"reference": "", "split": ""}, "fid50k/tf1"),
        ({"features": "dinov2", "resize": "clean"}, "fid50k_full/dinov2/clean"),
        ({"features": "digits", "resize": "own", "fakes": 1438}, "fid1438_full/digits"),
        ({"features": "vgg16", "variant": "k3"}, "fid50k_full/vgg16/tf1/k3"),
        ({"truncation": 0.5}, "fid50k_full/tf1/truncation0.5"),
    ],
)
def test_keys(changes, key):
    assert dataclasses.replace(PROTOCOL, **changes).key("fid") == key


def test_numbers_of_one_protocol_are_compared():
    assert difference(Result("fid", 3.0, PROTOCOL), Result("fid", 2.5, PROTOCOL)) == -0.5
    other_seed = dataclasses.replace(PROTOCOL, seed=1)
    assert difference(Result("fid", 3.0, PROTOCOL), Result("fid", 3.25, other_seed)) == 0.25


def test_numbers_of_two_protocols_are_not_and_the_message_names_the_fields():
    other = dataclasses.replace(PROTOCOL, resize="clean", fakes=10_000, average=False)
    with pytest.raises(ValueError, match="two protocols of fid cannot be compared") as caught:
        difference(Result("fid", 3.0, PROTOCOL), Result("fid", 2.5, other))
    message = str(caught.value)
    assert "fakes is 50000 and 10000; resize is 'tf1' and 'clean'; average is True and False" in message
    assert "\n" not in message and "seed" not in message and "weights" not in message
    with pytest.raises(ValueError, match="fid and kid are two metrics"):
        difference(Result("fid", 3.0, PROTOCOL), Result("kid", 2.5, PROTOCOL))


def test_every_field_but_the_seed_matters():
    for field in dataclasses.fields(Protocol):
        value = getattr(PROTOCOL, field.name)
        changed = dataclasses.replace(PROTOCOL, **{field.name: "other" if isinstance(value, str) else 77})
        differing = PROTOCOL.differences(changed)
        assert len(differing) == (field.name != "seed"), field.name
        assert all(each.startswith(f"{field.name} is ") for each in differing)


def test_broken_lines_of_a_file_of_results_cost_no_result(tmp_path):
    first, second = (Result("kid", value, PROTOCOL, None, {"step": 7}) for value in (1e-3, 2e-3))
    file = tmp_path / "new" / "evaluation.jsonl"  # a folder that is not there costs none either
    append_results(file, [first])
    with file.open("ab") as more:
        more.write(b'\xff\xfe\n{"key": "kid50k", "met')  # a damaged disk, and a killed process
    append_results(file, [first, second])
    assert read_results(file) == [first, second]
    assert file.read_bytes().count(b"\n") == 4  # what was there stays, and `first` is there once


def test_a_line_of_json_holds_all_of_it():
    result = Result("kid", 1e-3, PROTOCOL, 2e-4, {"workdir": "runs/x", "step": 7})
    line = result.to_json()
    assert "\n" not in line and '"key": "kid50k_full/tf1"' in line
    assert Result.from_json(line) == result
    with pytest.raises(ValueError, match=r"not a line of jaxgan.evaluate"):
        Result.from_json('{"step": 3}')
