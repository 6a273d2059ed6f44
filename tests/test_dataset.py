"""The Dataset, its checksum and the verified file."""

import dataclasses
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from actbench.levels import npz
from actbench.levels.dataset import (
    SPLITS,
    Dataset,
    build_dataset,
    checksum_of,
    dataset_module,
    load_dataset,
    load_verified,
)
from actbench.levels.datasets import spirals
from actbench.levels.npz import Arrays, DamagedFile, read_arrays, write_arrays
from actbench.plan.errors import ConfigError
from actbench.plan.registry import description, known_levels

GENERATED = [name for name in known_levels("dataset") if not hasattr(dataset_module(name), "obtain")]


def names(folder: Path) -> list[str]:
    """List a folder in order."""
    return sorted(path.name for path in folder.iterdir())


def small_arrays() -> dict[str, np.ndarray]:
    """Make the six arrays of a tiny data set."""
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    y = np.array([0, 1, 2, 0, 1, 2])
    return {f"{axis}_{split}": values for split in SPLITS for axis, values in (("x", x), ("y", y))}


def assemble(arrays: Arrays) -> Dataset:
    """Turn them into the data set."""
    return build_dataset("small", 3, arrays)


def refuse() -> Arrays:
    """Stand for a generator that must not be needed."""
    raise AssertionError("the sound file is enough")


def load_small(folder: Path) -> Dataset:
    """Load the tiny data set as a real one is loaded."""
    return load_verified(folder / "small.npz", checksum_of(small_arrays()), assemble, small_arrays)


@pytest.mark.parametrize("name", GENERATED)
def test_every_split_has_the_declared_form(name: str, tmp_path: Path) -> None:
    """Inputs are finite float32, labels int64 of all classes, in every split."""
    dataset = load_dataset(name, tmp_path)
    for split in SPLITS:
        x, y = getattr(dataset, f"x_{split}"), getattr(dataset, f"y_{split}")
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.shape == (dataset.sizes[split], dataset.features)
        assert np.isfinite(x).all()
        assert set(y) == set(range(dataset.classes))


@pytest.mark.parametrize("name", GENERATED)
def test_generation_leaves_global_random_state_alone(name: str, tmp_path: Path) -> None:
    """The generators of numpy and of the standard library stand where they stood."""
    before, before_python = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    load_dataset(name, tmp_path)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert after["state"]["pos"] == before["state"]["pos"]
    assert (after["state"]["key"] == before["state"]["key"]).all()
    assert random.getstate() == before_python


@pytest.mark.parametrize("name", known_levels("dataset"))
def test_every_data_set_says_what_it_is(name: str) -> None:
    """Its file has a sentence about it, a summary of one line, and the checksum that is verified."""
    module = dataset_module(name)
    assert description("dataset", name).endswith(".")
    assert " ".join(module.SUMMARY.split()) == module.SUMMARY
    assert re.fullmatch(r"[0-9a-f]{64}", module.CHECKSUM)


def test_the_shipped_data_sets_are_there() -> None:
    """Two are generated and one is downloaded."""
    assert {"mnist1d", "spirals"} <= set(GENERATED)
    assert "fashion_mnist" in known_levels("dataset")


def test_unknown_name_is_one_line_with_the_nearest() -> None:
    """A misspelt data set is answered with the right spelling."""
    with pytest.raises(ConfigError, match="unknown data set 'minst1d'; did you mean mnist1d"):
        load_dataset("minst1d", Path("data"))


def test_loading_needs_no_torch_and_no_scipy() -> None:
    """Data sets are plain NumPy, so listing or checking them is quick."""
    code = "import sys, actbench.levels.dataset as d; [d.dataset_module(n) for n in ('mnist1d', 'fashion_mnist')];"
    code += "sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_checksum_sees_values_dtype_shape_and_split() -> None:
    """A changed value, dtype, shape or exchanged split changes the checksum; byte order and memory layout do not."""
    arrays = small_arrays()
    reference = checksum_of(arrays)
    x = arrays["x_val"]
    changed = [
        arrays | {"x_val": x + np.float32(1e-3)},
        arrays | {"x_val": x.astype(np.float64)},
        arrays | {"x_val": x.reshape(4, 3)},
        arrays | {"x_val": x[::-1]},
    ]
    assert reference not in [checksum_of(item) for item in changed]
    exchanged = changed[0] | {"x_val": x, "x_test": changed[0]["x_val"]}
    assert checksum_of(exchanged) != checksum_of(changed[0])
    assert checksum_of(arrays | {"x_val": np.asfortranarray(x)}) == reference
    assert checksum_of(arrays | {"x_val": x.astype(">f4")}) == reference


def test_second_load_reads_the_file(tmp_path: Path) -> None:
    """A sound file is enough: nothing is made again, and the arrays are the same."""
    first = load_small(tmp_path)
    again = load_verified(tmp_path / "small.npz", first.checksum, assemble, refuse)
    for field in dataclasses.fields(Dataset):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name))
    assert names(tmp_path) == ["small.npz"]


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "value", "foreign", "pickle", "bad_labels"])
def test_damaged_file_is_set_aside_and_made_again(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Whatever is wrong with the file, it is kept as *.damaged, named on one line, and the data are right."""
    path = tmp_path / "small.npz"
    arrays = small_arrays()
    write_arrays(path, arrays)
    sound = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("hello")
    elif damage == "truncated":
        path.write_bytes(sound[:-100])
    elif damage == "value":
        write_arrays(path, arrays | {"x_val": arrays["x_val"] + 1})
    elif damage == "foreign":
        write_arrays(path, {"a": np.zeros(3)})
    elif damage == "pickle":
        np.savez(path, **(arrays | {"x_val": np.array([{}], dtype=object)}))
    else:
        write_arrays(path, arrays | {"y_val": arrays["y_val"] + 1})
    damaged = path.read_bytes()
    assert damaged != sound
    assert load_small(tmp_path).checksum == checksum_of(arrays)
    assert (tmp_path / "small.npz.damaged").read_bytes() == damaged
    assert names(tmp_path) == ["small.npz", "small.npz.damaged"]
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "kept as small.npz.damaged" in error


def test_any_flipped_byte_is_either_noticed_or_harmless(tmp_path: Path) -> None:
    """No single wrong byte of the file gets through as data, and none raises anything but DamagedFile."""
    path = tmp_path / "small.npz"
    arrays = small_arrays()
    write_arrays(path, arrays)
    sound = path.read_bytes()
    noticed = 0
    for position in range(0, len(sound), 3):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 0xFF]) + sound[position + 1 :])
        try:
            dataset = assemble(read_arrays(path))
        except DamagedFile:
            noticed += 1
        else:
            noticed += dataset.checksum != checksum_of(arrays)
            if dataset.checksum == checksum_of(arrays):
                assert np.array_equal(dataset.x_val, arrays["x_val"])
    assert noticed > 100


def test_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that would unpack to more than the bound is refused before anything is unpacked."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x_train.npy", "w") as member:
        for _ in range(npz.MOST_BYTES // 2**20 + 1):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(DamagedFile, match="would unpack to"):
        read_arrays(path)


def test_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than the bound is refused after the bound's bytes."""
    monkeypatch.setattr(npz, "MOST_BYTES", 1000)
    (tmp_path / "large.npz").write_bytes(bytes(1001))
    with pytest.raises(DamagedFile, match="larger than 1,000 bytes"):
        read_arrays(tmp_path / "large.npz")


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write leaves neither the file nor its temporary."""

    def stop(file: IO[bytes], array: np.ndarray, **_: object) -> None:
        file.write(array.tobytes()[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", stop)
    with pytest.raises(KeyboardInterrupt):
        write_arrays(tmp_path / "small.npz", small_arrays())
    assert names(tmp_path) == []


def test_numbers_that_come_out_wrong_are_not_stored(tmp_path: Path) -> None:
    """Generated data with another checksum stop with one line, which has it whole, and leave no file."""
    with pytest.raises(ConfigError, match="small: came out with checksum") as caught:
        load_verified(tmp_path / "small.npz", "0" * 64, assemble, small_arrays)
    assert "\n" not in str(caught.value)
    assert checksum_of(small_arrays()) in str(caught.value)
    assert names(tmp_path) == []


def test_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    """A folder that cannot be a folder is the user's error, without a traceback."""
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match=r"choose another folder|cannot be read"):
        load_small(tmp_path / "data")


def test_processes_that_generate_at_once_all_get_the_data(tmp_path: Path) -> None:
    """Four processes racing for the same damaged file all end with sound data and one sound file."""
    (tmp_path / "spirals.npz").write_bytes(b"damaged")
    code = "import sys; from pathlib import Path; from actbench.levels.dataset import load_dataset;"
    code += "print(load_dataset('spirals', Path(sys.argv[1])).checksum)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate()[0].strip() for process in processes]
    assert answers == [spirals.CHECKSUM] * 4
    assert [name for name in names(tmp_path) if "damaged" not in name] == ["spirals.npz"]
