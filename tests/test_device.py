"""Which device trains is decided before anything is imported, and said in one line when it cannot be had."""

import subprocess
from pathlib import Path

import pytest

from actbench.plan.errors import ConfigError
from actbench.training import device, process
from tiny import tiny_config


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose driver answers with compute capability 9.0, and a torch built for it."""
    answer = subprocess.CompletedProcess([], 0, stdout="9.0\n", stderr="")
    monkeypatch.setattr(device.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(device, "torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    _forget(monkeypatch)


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(device.CHOSEN, raising=False)
    monkeypatch.setattr(device, "compute_capability", device.compute_capability.__wrapped__)


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, driver: None) -> None:
    """With a driver and a torch for it, `auto` is the GPU, and the kind of device names its architecture."""
    assert device.use_device("auto") == device.use_device("cuda") == "cuda"
    assert process.device_kind() == "cuda-sm90"
    assert device.use_device("cpu") == "cpu"
    assert process.device_kind().startswith("cpu-")


def test_the_environment_says_what_auto_means(monkeypatch: pytest.MonkeyPatch, driver: None) -> None:
    """On a machine with a GPU `auto` can be held to the CPU; an unknown word is an error; hidden GPUs are none."""
    monkeypatch.setenv(device.CHOSEN, "cpu")
    assert (device.resolve("auto"), device.resolve("cuda")) == ("cpu", "cuda")
    monkeypatch.setenv(device.CHOSEN, "cude")
    for asked in (lambda: device.resolve("auto"), device.chosen_device):
        with pytest.raises(ConfigError, match="ACTBENCH_DEVICE: unknown 'cude'; did you mean cuda"):
            asked()
    monkeypatch.setenv(device.CHOSEN, "auto")
    assert device.chosen_device() == "cuda"
    monkeypatch.delenv(device.CHOSEN)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device.resolve("auto") == "cpu"


def test_coarser_products_are_another_kind_of_device(monkeypatch: pytest.MonkeyPatch, driver: None) -> None:
    """TF32 is off unless asked for, and then its runs lie apart; a word that is neither 0 nor 1 is an error."""
    assert device.cuda_kind() == "cuda-sm90"
    monkeypatch.setenv(device.TF32, "1")
    assert device.cuda_kind() == "cuda-sm90-tf32"
    monkeypatch.setenv(device.TF32, "yes")
    with pytest.raises(ConfigError, match="ACTBENCH_TF32: 'yes' is neither 0 nor 1"):
        device.cuda_kind()


def test_without_a_gpu_auto_is_the_cpu_and_cuda_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no driver answers, `auto` falls back to the CPU; `cuda` says what is missing and what to write instead."""
    _forget(monkeypatch)
    monkeypatch.setattr(device, "compute_capability", lambda: "")
    assert device.resolve("auto") == "cpu"
    with pytest.raises(ConfigError, match=r"device: 'cuda' cannot be had: no NVIDIA driver .*`device: auto`"):
        device.resolve("cuda")


def test_a_torch_without_cuda_is_named(monkeypatch: pytest.MonkeyPatch, driver: None) -> None:
    """A driver does not help when torch is built for CPUs only."""
    monkeypatch.setattr(device, "torch_has_cuda", lambda: False)
    assert device.resolve("auto") == "cpu"
    with pytest.raises(ConfigError, match="built for CPUs only"):
        device.resolve("cuda")


def test_what_torch_was_built_for_is_read_without_importing_it() -> None:
    """The version file and torch itself agree on whether this build knows CUDA."""
    import torch

    assert device.torch_has_cuda() == (torch.version.cuda is not None)


def test_a_driver_that_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program of that name, or an error from it, means no GPU."""

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(device.subprocess, "run", missing)
    assert device.compute_capability.__wrapped__() == ""
    failed = subprocess.CompletedProcess([], 9, stdout="No devices were found\n", stderr="")
    monkeypatch.setattr(device.subprocess, "run", lambda *_, **__: failed)
    assert device.compute_capability.__wrapped__() == ""


def test_a_config_names_its_device(tmp_path: Path) -> None:
    """`device` is auto by default; an unknown word is an error with the nearest known one."""
    text = "name: x\n{}studies: {{main: {{depth: 1}}}}\n"
    assert tiny_config(tmp_path, text.format("")).device == "auto"
    assert tiny_config(tmp_path, text.format("device: cpu\n")).device == "cpu"
    with pytest.raises(ConfigError, match=r"tiny.yaml: device: unknown 'cude'; did you mean cuda"):
        tiny_config(tmp_path, text.format("device: cude\n"))
