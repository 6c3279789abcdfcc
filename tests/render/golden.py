"""The golden files: every shipped profile in every format. Run by `make golden` to write them."""

from __future__ import annotations

from pathlib import Path

from render_plans import PROFILES, plan_of, text_of

from glm_deploy.render import FORMATS

FOLDER = Path(__file__).parent / "golden"


def rendered() -> dict[str, str]:
    """File name -> text, as rendered now for the home directory /home/op."""
    return {
        f"{profile}.{target}": text_of(plan_of(profile), target)
        for profile in PROFILES
        for target in FORMATS
    }


def main() -> None:
    """Make the folder hold exactly what is rendered now."""
    FOLDER.mkdir(exist_ok=True)
    files = rendered()
    for path in FOLDER.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} files in {FOLDER}; review them with git diff")


if __name__ == "__main__":
    main()
