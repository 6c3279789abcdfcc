"""Makes command lines of every kind that argparse tells apart, sound and broken ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.option import Option

TEXTS = ["m", "a b", "", "None", "=", "a=b", "/data/x", "ü", "8", "-", "fp8", "true", "{", "'q'"]
NUMBERS = ["0", "8", "-1", "-0.5", "1e3", ".85", "0x10", "1_000", "64k", "1.5Ki", "2Ki", " 7 ",
           "nan", "-inf", "five", "9" * 30, "1.0", "--5", "-5x"]  # fmt: skip
JSONS = ['{"num_threads": 16}', "{}", "[]", "[1, 2]", "null", "{num_threads: 16}", "{'a': 1}", "{",
         '{"lora_name": "a", "lora_path": "p"}', '{"lora_name": "a"}', '"x"', "1",
         '{"decode": {"backend": "full"}}', '{"decode": {"no": 1}}', '{"nope": {}}',
         '{"decode": {"backend": "tc_piecewise"}}', '{"prefill": 3}']  # fmt: skip
STRAY = ["stray", "-1", "-x", "--", "-", "--no-such-flag", "--no-such-flag=1", "-tp", "", "-1.5"]

# The one names a file, which is read before anything is parsed; over a wrong level the releases up
# to 0.5.10 stumble only after parsing, the newer ones before it.
LEFT_OUT = {"--config", "--log-level"}


class Generator:
    """The same seed gives the same command lines for the same catalogue."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        self.random = random.Random(seed)
        self.options = [o for o in catalogue.options if not LEFT_OUT.intersection(o.flags)]
        self.custom = [o for o in self.options if o.deprecated or "Action" in o.action or o.keys]

    def argv(self) -> list[str]:
        """One command line of up to five flags, most often with the model that is required."""
        words = [] if self.random.random() < 0.03 else ["--model-path", "m"]
        for _ in range(self.random.choice([1, 1, 1, 2, 2, 3, 5])):
            words += self._piece()
        return words

    def _piece(self) -> list[str]:
        if self.random.random() < 0.04:
            return [self.random.choice([*STRAY, "--help", "-h"])]
        option = self.random.choice(self.custom if self.random.random() < 0.15 else self.options)
        flag, values = self._flag(option), self._values(option)
        if values and self.random.random() < 0.3:
            return [f"{flag}={values[0]}", *values[1:]]
        repeated = [flag, *self._values(option)] if self.random.random() < 0.05 else []
        return [flag, *values, *repeated]

    def _flag(self, option: Option) -> str:
        flag = self.random.choice(option.flags)
        chance = self.random.random()
        if chance < 0.2 and len(flag) > 6:
            return flag[: self.random.randint(4, len(flag) - 1)]
        if chance < 0.24:
            return flag.replace("-", "_", self.random.randint(0, 3)).replace("__", "--", 1)
        return flag + "x" if chance < 0.26 else flag

    def _values(self, option: Option) -> list[str]:
        if self.random.random() < 0.06:
            return [self._value(option) for _ in range(self.random.randint(0, 3))]
        if option.takes_no_value or option.action == "BooleanOptionalAction":
            return []
        if isinstance(option.nargs, int):
            count = option.nargs
        else:
            most = {"+": (1, 4), "*": (0, 3), "?": (0, 1)}.get(str(option.nargs), (1, 1))
            count = self.random.randint(*most)
        return [self._value(option) for _ in range(count)]

    def _value(self, option: Option) -> str:
        if option.choices and self.random.random() < 0.8:
            return str(self.random.choice(option.choices))
        kind = option.type or ""
        if self.random.random() < 0.1:
            return self.random.choice(TEXTS + NUMBERS + JSONS)
        if kind in {"int", "float", "human_readable_int"}:
            return self.random.choice(NUMBERS)
        if "json" in kind or kind == "loads" or option.keys or option.action == "LoRAPathAction":
            return self.random.choice(JSONS)
        return self.random.choice(TEXTS)
