"""The wheel holds everything that a checkout has and the tool needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", folder, CHECKOUT], check=True
    )
    (wheel,) = folder.glob("glm_deploy-*.whl")
    site = folder / "site"
    zipfile.ZipFile(wheel).extractall(site)
    return site


def glm_deploy(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P keeps the checkout, where the tests run, from being imported in the wheel's place.
    argv = [sys.executable, "-P", "-m", "glm_deploy", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        argv, env=environment, cwd="/", capture_output=True, text=True, check=False
    )


def test_the_installed_package_is_the_one_that_runs(installed: Path) -> None:
    code = "import glm_deploy; print(glm_deploy.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    shown = subprocess.check_output(
        [sys.executable, "-P", "-c", code], env=environment, cwd="/", text=True
    )
    assert shown.strip() == str(installed / "glm_deploy" / "__init__.py")


def test_profiles_are_found_in_an_installed_wheel(installed: Path) -> None:
    shipped = {path.stem for path in (CHECKOUT / "profiles").glob("*.yaml")}
    listed = json.loads(glm_deploy(installed, "profiles", "--json").stdout)
    assert {profile["name"] for profile in listed} == shipped


def test_an_installed_wheel_renders_what_the_checkout_renders(installed: Path) -> None:
    arguments = ("render", "-p", "sm120-tp2-pp3", "--quiet")
    checkout = subprocess.run(
        [sys.executable, "-m", "glm_deploy", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert glm_deploy(installed, *arguments).stdout == checkout.stdout


def test_the_simulators_recipe_is_in_the_wheel(installed: Path) -> None:
    recipe = CHECKOUT / "docker" / "simulator"
    packed = installed / "glm_deploy" / "docker" / "simulator"
    files = {p.relative_to(recipe) for p in recipe.rglob("*") if p.is_file()}
    files = {path for path in files if path.suffix != ".pyc"}
    assert files
    assert {p.relative_to(packed) for p in packed.rglob("*") if p.is_file()} == files


def test_every_catalogue_is_in_the_wheel(installed: Path) -> None:
    folder = Path("glm_deploy") / "sglang" / "catalogues"
    checkout = {path.name for path in (CHECKOUT / folder).glob("*.json")}
    assert {path.name for path in (installed / folder).glob("*.json")} == checkout
