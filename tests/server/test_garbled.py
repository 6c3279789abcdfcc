"""Which generated sentences pass for language, and which are what broken kernels produce."""

from __future__ import annotations

import pytest

from glm_deploy.server.acceptance import garbled

LANGUAGE = {
    "English": "We live on the planet Earth.",
    "two words": "Planet Earth.",
    "a thought and its answer": "The user asks which planet. It is Earth.\n\nWe live on Earth.",
    "Chinese": "我们生活在地球上。它是太阳系中的第三颗行星，也是我们唯一的家园。",
    "Chinese, short": "我们住在地球上。",
    "Japanese": "私たちは地球という惑星に住んでいます。",
    "German": "Wir leben auf der Erde, dem dritten Planeten unseres Sonnensystems.",
    "Russian": "Мы живём на планете Земля.",
    "Thai": "เราอาศัยอยู่บนดาวเคราะห์โลก",
    "Arabic": "نحن نعيش على كوكب الأرض.",
    "code": "def planet() -> str:\n    return 'Earth'\n",
    "Markdown with a rule": "# Planet\n\n------------------------\n\nWe live on **Earth**.",
    "an emoji": "We live on Earth! 🌍",
    "a number in a sentence": "Earth is 149597870 km from the sun, which is 1 AU.",
    "cut in the middle of a character": "我们生活在地球上\ufffd",
    "English with the Chinese word": "We live on Earth, in Chinese 地球.",
    "typographic quotes": "It’s called “Earth” — the third planet.",
}

GARBAGE = {
    "nothing": ("", "no text at all"),
    "one token": ("Earth", "a single token"),
    "one token again and again, unbroken": ("EarthEarthEarthEarthEarthEarth", "a single token"),
    "exclamation marks": ("!" * 64, "a single token"),
    "exclamation marks after words": ("We live on !!!!!!!!!!!!!!!!!!!!!!!!", "over and over"),
    "a rule without a page": ("-" * 40 + " " + "=" * 40, "hardly any letters"),
    "dots after words": ("We live on ........................", "over and over"),
    "one Chinese character": ("的" * 40, "over and over"),
    "spaced digits": ("0 0 0 0 0 0 0 0 0 0 0 0 0 0", "hardly any letters"),
    "the same word": ("the " * 20, "the same words over and over"),
    "the same three words": ("we live on " * 10, "the same words over and over"),
    "replacement characters": ("We live \ufffd\ufffd on Earth", "broken characters"),
    "punctuation": ("}}} ]] ;; (( .. ,, :: }} ]]", "hardly any letters"),
    "mojibake": ("ÃÂ0,ных}}} ッÃÂ 0,0,ных}}}的的的的0,ных}}}", "several scripts mixed"),
    "nothing but broken characters": ("\ufffd" * 20, "broken characters"),
}


@pytest.mark.parametrize("text", LANGUAGE.values(), ids=LANGUAGE)
def test_language_passes(text: str) -> None:
    assert garbled(text) == ""


@pytest.mark.parametrize(("text", "flaw"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_named(text: str, flaw: str) -> None:
    assert flaw in garbled(text)
