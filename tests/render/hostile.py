"""Values that break careless quoting, and plans that carry one in every place that takes text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from render_plans import plan_of

if TYPE_CHECKING:
    from glm_deploy.model import Plan

# HOSTILE is set to `expanded` wherever rendered text is run.
VALUES = (
    "",
    " ",
    " leading and trailing ",
    "it's",
    'say "hi"',
    "'\"'\"'",
    "$HOSTILE",
    "${HOSTILE:-x}",
    "$$HOSTILE",
    "$(exit 3)",
    "`exit 3`",
    "\\",
    "ends with a backslash\\",
    "\\$HOSTILE \\n \\x41",
    "# no comment",
    "a # comment",
    "key: value",
    "- item",
    "[0]=x",
    "{a,b}",
    "{{.Names}}",
    "&anchor *alias !tag %directive @at",
    "---",
    "...",
    "null",
    "true",
    "1e5",
    "0o17",
    "~",
    "=",
    "a=b=c",
    "--privileged",
    "-v",
    "*?[a-z]",
    "!history !!",
    "<(true) >out 2>&1 | cat; exit 3 &",
    "two\nlines",
    "\nleading newline",
    "trailing newline\n",
    "crlf\r\n",
    "\t tab \t",
    "bell \a escape \x1b[31m delete \x7f",
    "next line \x85 line separator \u2028 paragraph \u2029",
    "byte order mark \ufeff zero width \u200b",
    "naïve Größe 模型",
    "🚀 \U0010fffd",
    "x" * 60_000,
    '{"a": "$HOSTILE", "b": ["\'", "\\\\"]}',
)

# Linux takes no NUL in argv or environment, and lone surrogates are no text.
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
PIECES = st.lists(st.sampled_from([v for v in VALUES if len(v) < 100]), max_size=4).map("".join)
TEXT = st.sampled_from(VALUES) | PIECES | ANY
WORD = TEXT.filter(bool)

# A colon ends a path and a newline a field in what Docker takes: the schema refuses both.
PATH = TEXT.map(lambda text: "/" + text.replace(":", "").replace("\n", "")[:4000])

# The schema wants an image to begin like one and to hold no space.
IMAGE = TEXT.map(lambda text: "i" + "".join(text.split())[:4000])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)

ENV_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True) | st.sampled_from(
    ["null", "NULL", "true", "no", "ON", "y", "N", "_", "_1", "e1", "PATH", "readiness"]
)


@st.composite
def hostile_plans(draw: st.DrawFn, name: str = "hostile") -> Plan:
    """A plan of sm120-tp8 with drawn text wherever a profile takes text for the container."""
    env = draw(st.dictionaries(ENV_NAME, TEXT, min_size=1, max_size=4))
    return plan_of(
        name=name,
        values={
            ("image", "ref"): draw(IMAGE),
            ("model", "id"): draw(WORD),
            ("model", "revision"): draw(TEXT),
            ("model", "served_name"): draw(WORD),
            ("engine", "reasoning_parser"): draw(WORD),
            ("engine", "model_loader_extra_config"): draw(st.dictionaries(TEXT, JSON, max_size=3)),
            ("engine", "extra_args", "--text"): draw(TEXT),
            ("engine", "extra_args", "--list"): draw(st.lists(TEXT, min_size=1, max_size=4)),
            ("engine", "extra_args", "--map"): draw(st.dictionaries(TEXT, JSON, max_size=3)),
            ("container", "volumes", draw(PATH)): draw(PATH),
            ("container", "tmpfs", draw(PATH)): True,
            ("server", "api_key_file"): draw(PATH),
            **{("env", variable): value for variable, value in env.items()},
        },
    )
