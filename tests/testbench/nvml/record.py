"""Writes tests/facts/*.json: what the probe says of the rigs in rigs.py.

PYTHONPATH=tests python -m testbench.nvml.record
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from glm_deploy.facts import Facts, parse_facts
from testbench.nvml.rigs import RECORDED
from testbench.nvml.stand import NvmlStand

FACTS = Path(__file__).parents[2] / "facts"


def recorded(name: str) -> Facts:
    """A recorded host by its name in `RECORDED`."""
    path = FACTS / f"{name}.json"
    return parse_facts(path.read_text(), str(path))


def timeless(facts: Facts) -> Facts:
    """The facts without what differs from run to run and from release to release."""
    return facts.model_copy(update={"observed_at": None, "tool_version": None})


def main() -> None:
    """Probe every rig; leave a recording alone that still says the same."""
    FACTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stand = NvmlStand(Path(folder))
        for name, rig in RECORDED.items():
            facts = stand.probe(rig)
            path = FACTS / f"{name}.json"
            if path.exists() and timeless(recorded(name)) == timeless(facts):
                continue
            path.write_text(facts.model_dump_json(indent=2) + "\n")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
