"""Every kind of damage to every kind of file: named, set aside, made again, never used in silence."""

import random
import shutil
from pathlib import Path

import pytest

from damage import ARTIFACTS, build, suffer
from injuries import DAMAGES


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make all kinds of files once."""
    folder = tmp_path_factory.mktemp("sound")
    build(folder)
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ARTIFACTS)
def test_damage_is_never_used_in_silence(sound: Path, tmp_path: Path, kind: str, damage: str) -> None:
    """What is used after the damage is what was written before it, and the damaged file is named and kept aside."""
    folder = shutil.copytree(sound, tmp_path / "copy")
    assert suffer(kind, damage, folder, random.Random(f"{kind} {damage}")) == ""
