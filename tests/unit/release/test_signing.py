import base64
import json
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.installation import InstallationKeys
from pestwatch.release.manifest import canonical
from pestwatch.release.registry import Release, publish, publish_base
from pestwatch.release.signing import BaseKey, Signature, SigningKey, Trust, admit, certify, parse_signature, verify

BASE, REGIONAL = "base-20261125-1", "IN-MH-500-20261125-1"


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    return tmp_path / "shipped-keys"


@pytest.fixture
def base(shelf: Path, keys_dir: Path, family: Candidate, now: datetime) -> Release:
    return publish_base(shelf, keys_dir, BASE, family, now=now)


@pytest.fixture
def regional(tmp_path: Path, candidate: Candidate, installation: InstallationKeys, now: datetime) -> Release:
    return publish(tmp_path / "own", "IN-MH-500", REGIONAL, candidate, installation.online, now=now)


def refusal(content: bytes, signature: Signature, trust: Trust) -> str:
    with pytest.raises(Problem) as caught:
        verify(content, signature, trust)
    assert caught.value.number == "422.22"
    return str(caught.value.params["detail"])


def test_a_shipped_key_vouches_for_its_base_release(base: Release, keys_dir: Path) -> None:
    verified = verify(base.content, base.signature, Trust.shipped(keys_dir))
    assert verified.manifest.version == BASE
    assert verified.chain == base.signature.key_id


def test_a_root_vouches_through_its_certificate(regional: Release, installation: InstallationKeys) -> None:
    verified = verify(regional.content, regional.signature, Trust(root=installation.root))
    assert verified.chain == f"{installation.root.key_id} {regional.manifest.region}"
    assert installation.root.key_id != regional.signature.key_id


def test_a_phone_believes_nobody_that_it_does_not_know(base: Release, regional: Release, keys_dir: Path) -> None:
    other_root = SigningKey.generate().public
    assert "unknown" in refusal(base.content, base.signature, Trust(root=other_root))
    assert "unknown" in refusal(regional.content, regional.signature, Trust.shipped(keys_dir))
    assert "unknown" in refusal(regional.content, regional.signature, Trust(root=other_root))


@pytest.mark.parametrize("place", [0, 20, -1])
def test_one_changed_byte_breaks_the_signature(regional: Release, installation: InstallationKeys, place: int) -> None:
    forged = bytearray(regional.content)
    forged[place] ^= 1
    assert "does not fit" in refusal(bytes(forged), regional.signature, Trust(root=installation.root))


def test_a_leaked_regional_key_cannot_forge_a_base_release(base: Release, installation: InstallationKeys) -> None:
    signature = installation.online.sign(base.content)
    assert "may not sign a base" in refusal(base.content, signature, Trust(root=installation.root))


def test_a_base_key_signs_one_version_only(base: Release) -> None:
    key = SigningKey.generate()
    now = base.manifest.created_at
    public = BaseKey(key.public.key_id, key.public.public_key, now, now, "base-20261125-2")
    signature = Signature(key.public.key_id, key.sign(base.content))
    assert "signs base-20261125-2" in refusal(base.content, signature, Trust({public.key_id: public}))


def test_a_certificate_of_another_root_or_for_another_key_is_refused(
    regional: Release, installation: InstallationKeys, now: datetime
) -> None:
    trust, stranger = Trust(root=installation.root), SigningKey.generate()
    certificate = regional.signature.certificate
    assert certificate is not None
    made_by_stranger = certify(stranger, stranger.public, now)
    posing = msgspec.structs.replace(made_by_stranger, root_key_id=installation.root.key_id)
    forged = Signature(stranger.public.key_id, stranger.sign(regional.content), posing)
    assert "does not fit" in refusal(regional.content, forged, trust)
    borrowed = Signature(stranger.public.key_id, stranger.sign(regional.content), certificate)
    assert "certificate is for key" in refusal(regional.content, borrowed, trust)


def test_a_key_must_bear_the_name_that_follows_from_it(base: Release, keys_dir: Path) -> None:
    (path,) = keys_dir.glob("*.json")
    stranger = SigningKey.generate()
    renamed = json.loads(path.read_bytes()) | {"public_key": stranger.public.public_key}
    path.write_bytes(canonical(renamed))
    signature = Signature(path.stem, stranger.sign(base.content))
    assert "name that follows" in refusal(base.content, signature, Trust.shipped(keys_dir))


def test_what_is_not_base64_or_not_a_signature_is_refused(base: Release, keys_dir: Path) -> None:
    broken = Signature(base.signature.key_id, "?")
    for call in (
        lambda: verify(base.content, broken, Trust.shipped(keys_dir)),
        lambda: parse_signature(b'{"v":1}'),
    ):
        with pytest.raises(Problem, match=r"422\.20"):
            call()
    short = Signature(base.signature.key_id, base64.b64encode(b"short").decode())
    assert "does not fit" in refusal(base.content, short, Trust.shipped(keys_dir))


def test_the_ratchet_lets_no_chain_fall(
    base: Release, regional: Release, installation: InstallationKeys, keys_dir: Path
) -> None:
    trust = Trust.shipped(keys_dir, installation.root)
    first, second = (verify(r.content, r.signature, trust) for r in (base, regional))
    seen = admit(second, admit(first, {}))
    assert seen == {first.chain: 1, second.chain: 1}
    for again in (first, second):
        assert admit(again, seen) == seen
        with pytest.raises(Problem, match=r"422\.23"):
            admit(again, seen | {again.chain: 2})
    assert admit(first, {second.chain: 10**9}) == {first.chain: 1, second.chain: 10**9}


def test_an_expired_release_warns_and_still_verifies(
    regional: Release, installation: InstallationKeys, now: datetime
) -> None:
    verified = verify(regional.content, regional.signature, Trust(root=installation.root))
    assert not verified.is_overdue(now)
    assert verified.is_overdue(now + timedelta(days=181))
