import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from pestwatch.release.signing import SigningKey


def test_keys_are_made_once_and_stay(tmp_path: Path, now: datetime) -> None:
    first = open_installation(tmp_path / "keys", now)
    again = open_installation(tmp_path / "keys", now)
    assert again.root == first.root
    assert again.online.key.public == first.online.key.public
    assert again.online.certificate == first.online.certificate


def test_only_the_owner_may_read_private_halves(tmp_path: Path, now: datetime) -> None:
    open_installation(tmp_path / "keys", now)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {"root.json": 0o600, "online.json": 0o600}


def test_processes_that_start_at_once_agree_on_one_pair(tmp_path: Path, now: datetime) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_installation(tmp_path / "keys", now), range(8)))
    assert len({keys.root.key_id for keys in opened}) == 1
    assert len({keys.online.key.public.key_id for keys in opened}) == 1


def test_the_certificate_is_renewed_before_it_ends(tmp_path: Path, now: datetime) -> None:
    first = open_installation(tmp_path / "keys", now)
    later = now + timedelta(days=300)
    renewed = open_installation(tmp_path / "keys", later)
    assert renewed.online.key.public == first.online.key.public
    assert renewed.online.not_after == later + timedelta(days=400)
    assert stat.S_IMODE((tmp_path / "keys" / "online.json").stat().st_mode) == 0o600


def test_a_root_that_lies_elsewhere_still_signs_through_the_online_key(tmp_path: Path, now: datetime) -> None:
    first = open_installation(tmp_path / "keys", now)
    root = tmp_path / "keys" / "root.json"
    public_half = {k: v for k, v in json.loads(root.read_bytes()).items() if k != "private_key"}
    root.write_text(json.dumps(public_half))
    assert open_installation(tmp_path / "keys", now + timedelta(days=390)).online.not_after == first.online.not_after
    (tmp_path / "keys" / "online.json").unlink()
    with pytest.raises(Problem, match="no private half"):
        open_installation(tmp_path / "keys", now)


def test_an_online_key_of_another_installation_is_refused(tmp_path: Path, now: datetime) -> None:
    for name in ("here", "there"):
        open_installation(tmp_path / name, now)
    (tmp_path / "there" / "online.json").replace(tmp_path / "here" / "online.json")
    with pytest.raises(Problem, match=r"422\.22"):
        open_installation(tmp_path / "here", now)


def test_a_damaged_key_file_is_named(tmp_path: Path, now: datetime) -> None:
    open_installation(tmp_path, now)
    (tmp_path / "root.json").write_text("{")
    with pytest.raises(Problem, match=r"422\.20 .*root\.json"):
        open_installation(tmp_path, now)


def test_a_private_half_survives_being_written_down() -> None:
    key = SigningKey.generate()
    assert SigningKey.from_base64(key.to_base64()).public == key.public
