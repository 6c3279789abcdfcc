"""Writes catalogues/releases.json of glm_deploy/sglang again, from the registry's wheels.

`make catalogues` runs it. It takes every release from 0.5.4 on that the package index has, a
minute's download and 6 s of importing each; releases that are unpacked already are not fetched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

from glm_deploy.sglang import releases
from testbench.parts import CHECKOUT
from testbench.sglang_releases import PYTHON, extract

FIRST = "0.5.4"
UNPACK = CHECKOUT / "tests" / "testbench" / "sglang-parsers.sh"


def on_the_index() -> list[str]:
    """Every final or post release from FIRST on, oldest first."""
    argv = [str(PYTHON), "-m", "pip", "index", "versions", "sglang"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    [line] = re.findall(r"^Available versions: (.*)$", listed, re.MULTILINE)
    final = [v for v in line.split(", ") if re.fullmatch(r"\d+(\.\d+)*(\.post\d+)?", v)]
    return sorted((v for v in final if releases.order(v) >= releases.order(FIRST)),
                  key=releases.order)  # fmt: skip


def main(wanted: list[str]) -> None:
    """Rebuild the table of the `wanted` releases, or of all that the index has."""
    subprocess.run([UNPACK], check=True)
    wanted = wanted or on_the_index()
    subprocess.run([UNPACK, *wanted], check=True)
    catalogues = {}
    for version in wanted:
        print(f"reading the parser of sglang {version}", file=sys.stderr)
        catalogues[version] = json.loads(extract(version))["options"]
    releases.TABLE.write_text(releases.pack(catalogues), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
