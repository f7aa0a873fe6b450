"""The wheel is whole: installed into a fresh environment, far from any checkout, Gatepost does its work."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.gateway import ROOT, free_port
from tests.serving import environment, serving


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=120, env=_environment())
    (built,) = folder.glob("gatepost-*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with the wheel in it.

    What Gatepost needs is borrowed from this one by a path file. Path files are not read again in a folder
    that one of them names, so an editable installation of the checkout over here stays over here.
    """
    folder = tmp_path_factory.mktemp("fresh") / "environment"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([sys.executable, *install, str(wheel)], check=True, timeout=120, env=_environment())
    (site_packages,) = folder.glob("lib/python*/site-packages")
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)), "utf-8")
    return folder / "bin"


def _environment() -> dict[str, str]:
    """Nothing that would let Python find the checkout."""
    clean = environment(PIP_DISABLE_PIP_VERSION_CHECK="1")
    del clean["PYTHONPATH"]
    return clean


def test_everything_beside_the_package_is_inside_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for name in ("static", "templates"):
        files = [file for file in (ROOT / name).rglob("*") if file.is_file()]
        assert files
        assert {f"server/_files/{file.relative_to(ROOT)}" for file in files} <= inside
    assert not [name for name in inside if name.split("/")[0] not in {"server", _dist_info(wheel)}]
    assert f"{_dist_info(wheel)}/licenses/LICENSE" in inside


def _dist_info(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def test_the_installed_gatepost_is_not_the_checkout(commands: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [commands / "python", "-c", "import server; print(server.__file__)"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(commands.parent)


def test_a_first_configuration_is_written_and_served(commands: Path, tmp_path: Path) -> None:
    gatepost = str(commands / "gatepost")
    subprocess.run([gatepost, "init"], cwd=tmp_path, env=_environment(), check=True, capture_output=True)
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [gatepost, "serve", "--workers", "1", "--port", str(port)]
    with serving(command, f"{url}/readyz", folder=tmp_path, env=_environment()):
        tag = httpx.get(f"{url}/gp/demo/tag.js")
    assert tag.status_code == 200
    assert tag.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "http://localhost:8000/gp/demo/e" in tag.text
    assert (tmp_path / "var" / "gatepost.db").exists()


def test_the_demo_runs_from_it(commands: Path, tmp_path: Path) -> None:
    gateway, shop, sandbox = free_port(), free_port(), free_port()
    command = [str(commands / "gatepost"), "demo", "--port", str(gateway)]
    command += ["--shop-port", str(shop), "--sandbox-port", str(sandbox)]
    ready = (
        f"http://127.0.0.1:{gateway}/readyz",
        f"http://127.0.0.1:{shop}/",
        f"http://127.0.0.1:{sandbox}/_sandbox/",
    )
    with serving(command, *ready, folder=tmp_path, env=_environment()):
        front = httpx.get(f"http://localhost:{shop}/")
        assert f'<script async src="http://localhost:{gateway}/gp/demo/tag.js"></script>' in front.text
        for path in ("/static/shop.css", "/static/fonts/figtree.woff2", "/picture/100500.svg"):
            assert httpx.get(f"http://localhost:{shop}{path}").status_code == 200, path
        assert httpx.get(f"http://localhost:{gateway}/gp/demo/tag.js").status_code == 200
    assert not list(tmp_path.glob("*.db"))
