"""Real speech by the real synthesizer: in the right language, loud, small, and what a phone can decode."""

import ctypes
import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("av", reason="the wheel that packs sound is missing on this machine", exc_type=ImportError)
pytest.importorskip("espeakng_loader", reason="the wheel of the synthesizer is missing", exc_type=ImportError)

import av

from pestwatch import i18n
from pestwatch.cli import main
from pestwatch.sound import build, opus, recordings, script, voice

# The nine languages beside English, whether or not their words are there yet.
TOMORROW = {
    "hi": ("कल फिर गिनिए।", "kʌl"),
    "mr": ("उद्या पुन्हा मोजा.", "dj"),
    "gu": ("કાલે ફરી ગણો.", "kaːleː"),
    "te": ("రేపు మళ్లీ లెక్కించండి.", "eːpu"),
    "kn": ("ನಾಳೆ ಮತ್ತೆ ಎಣಿಸಿ.", "naːɭe"),
    "ta": ("நாளை மீண்டும் எண்ணுங்கள்.", "naːɭaɪ"),
    "pa": ("ਕੱਲ੍ਹ ਫਿਰ ਗਿਣੋ।", "kʌll"),
    "or": ("କାଲି ପୁଣି ଗଣନ୍ତୁ।", "kali"),
    "bn": ("কাল আবার গুনুন।", "kal"),
}
SEVEN = {
    "hi": "saːt",
    "mr": "saːt",
    "gu": "saːt",
    "te": "ɖu",
    "kn": "ɭu",
    "ta": "ʉ",
    "pa": "sʌtː",
    "or": "satɔ",
    "bn": "ʃat",
}


def phonemes(text: str, locale: str) -> str:
    """How the synthesizer pronounces a text, in IPA without its stress marks."""
    library, _ = voice._espeak()
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    assert library.espeak_SetVoiceByName(locale.encode()) == 0
    rest, said = ctypes.c_char_p(text.encode()), ""
    while rest.value:
        said += library.espeak_TextToPhonemes(ctypes.byref(rest), 1, 2).decode()
    return said.replace("ˈ", "").replace("ˌ", "")


def packets_of(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        size = content[at]
        at += 1
        if size >= 252:
            size += 4 * content[at]
            at += 1
        yield content[at : at + size]
        at += size


def decoded(content: bytes) -> np.ndarray:
    """What a phone makes of a clip: samples between -1 and 1, 48,000 a second."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = [frame.to_ndarray()[0] for packet in packets_of(content) for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate(frames) / 32768


def clip(text: str, locale: str, bits_a_second: int = 6_000) -> bytes:
    samples, rate_hz = voice.speech(text, locale)
    packed = opus.packets(opus.trimmed(samples, rate_hz), rate_hz, bits_a_second)
    return b"".join(map(build._with_length, packed))


@pytest.mark.parametrize("locale", TOMORROW)
def test_each_language_is_spoken_as_itself(locale: str) -> None:
    text, sound = TOMORROW[locale]
    assert sound in phonemes(text, locale)
    assert SEVEN[locale] in phonemes("7", locale)
    assert "(" not in phonemes(text, locale), "another language's voice had to help out"


@pytest.mark.parametrize("locale", [*TOMORROW, "en"])
def test_every_number_is_said_by_a_word_of_its_own(locale: str) -> None:
    said = [phonemes(str(number), locale) for number in script.numbers()]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("locale", TOMORROW)
def test_a_clip_can_be_heard_and_is_small(locale: str) -> None:
    content = clip(TOMORROW[locale][0], locale)
    heard = decoded(content)
    seconds = heard.size / 48_000
    assert 0.8 < seconds < 4
    assert 0.05 < float(np.sqrt(np.mean(heard**2))) < 0.3
    assert float(np.abs(heard).max()) <= 1
    assert len(content) < 1_000 * seconds, "more than 8 kbit/s"
    silent = np.abs(heard[: 48_000 * 7 // 100]).max() < 0.01
    assert not silent, "starts with silence"


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_no_letter_is_read_out_by_its_name(locale: str) -> None:
    """A voice that does not know a letter says what it is called: seconds instead of a moment."""
    for line in script.lines(locale):
        samples, rate_hz = voice.speech(line.text, locale)
        seconds = opus.trimmed(samples, rate_hz).size / rate_hz
        # "W" is double-u, and a number is longer spoken than written.
        allowed = 0.8 + 0.11 * len(line.text) + 0.6 * sum(letter.isdecimal() for letter in line.text)
        assert 0.1 < seconds < allowed, line.text


def test_letters_that_the_voice_cannot_read_are_respelt() -> None:
    for locale, text in (("or", "ପିନୱର୍ମ"), ("mr", "ॲप")):
        assert phonemes(text, locale) != phonemes(text.translate(voice.RESPELT), locale)
        samples, rate_hz = voice.speech(text, locale)
        assert opus.trimmed(samples, rate_hz).size / rate_hz < 1.2


def test_an_unknown_language_is_an_error_and_not_english() -> None:
    with pytest.raises(OSError, match="no voice for xx"):
        voice.speech("Hello", "xx")


def test_the_whole_app_is_within_its_aims(tmp_path: Path) -> None:
    said = build.build(tmp_path / "out", build.CACHE)  # where `make app` has left what it made
    assert len(said) == len(i18n.LOCALES) + 1
    names = json.loads((tmp_path / "out" / "names.json").read_text())
    assert names["bytes"] <= 30_000
    assert len(names["clips"]) == len(i18n.LOCALES)
    for locale in i18n.LOCALES:
        index = json.loads((tmp_path / "out" / f"{locale}.json").read_text())
        sizes = {row.split()[0]: int(row.split()[2]) for row in index["clips"]}
        assert sum(sizes[line.key] for line in script.lines(locale) if line.group == "consent") <= 25_000
        pack = (tmp_path / "out" / index["pack"]).read_bytes()
        assert len(pack) == sum(sizes.values()) == index["bytes"]
        first = next(iter(sizes.values()))
        assert decoded(pack[:first]).size > 0


def test_what_was_made_once_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build._built_language("hi", tmp_path, tmp_path)
    before = sorted(path.name for path in tmp_path.glob("*.pack"))

    def silent(*_: object) -> None:
        raise AssertionError("spoken again")

    monkeypatch.setattr(build, "speech", silent)
    build._built_language("hi", tmp_path, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.pack")) == before


@pytest.fixture
def voice_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "i18n" / "hi" / "voice"
    folder.mkdir(parents=True)
    monkeypatch.setattr(i18n, "CATALOGUES", tmp_path / "i18n")
    return folder


def record(path: Path, hz: int = 440) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        tone = np.sin(np.arange(44_100 * 2) * 2 * np.pi * hz / 44_100) * 8_000
        file.writeframes(tone.astype("<i2").tobytes())


def test_a_recording_goes_before_the_synthesizer(voice_folder: Path, tmp_path: Path) -> None:
    line = script.Line(script.key_of("कम"), "कम", "advice")
    synthetic = build._clip("hi", line, 6_000, tmp_path)
    record(voice_folder / f"{line.key}.wav")
    (voice_folder / "speakers.csv").write_text(f"file,speaker,licence\n{line.key}.wav,Asha,CC-BY-4.0\n")
    recorded = build._clip("hi", line, 6_000, tmp_path)
    assert (synthetic.is_recorded, recorded.is_recorded) == (False, True)
    heard = decoded(recorded.content)
    assert 1.9 < heard.size / 48_000 < 2.2
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * 48_000 / heard.size == pytest.approx(440, abs=5)


def test_a_recording_of_a_stranger_is_left_out_and_named(voice_folder: Path) -> None:
    record(voice_folder / "0a1b2c3d.wav")
    (voice_folder / "speakers.csv").write_text("file,speaker,licence\n0a1b2c3d.wav,Asha,\n")
    usable, left_out = recordings.recordings(voice_folder)
    assert usable == {}
    assert left_out == ["0a1b2c3d.wav: speakers.csv does not name its speaker and licence"]


def test_a_machine_without_the_synthesizer_builds_without_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pestwatch.sound.build", None)
    result = CliRunner().invoke(main, ["sound"])
    assert result.exit_code == 0
    assert result.stderr.startswith("the app is built without sound")
    assert len(result.stderr.splitlines()) == 1


def test_whoever_records_gets_the_list_of_what_to_say() -> None:
    result = CliRunner().invoke(main, ["sound", "--script", "hi"])
    rows = result.stdout.splitlines()
    assert rows[0].startswith(f"{script.key_of('हिन्दी')},")
    assert f"{script.key_of('कम')},कम" in rows
