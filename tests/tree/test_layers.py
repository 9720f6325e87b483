"""Who may import whom: the contracts of pyproject.toml hold, and say what they are meant to say."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.tree.source import PACKAGES, ROOT, modules, tree

STAGES = {path.name for path in (ROOT / "preservation" / "stages").iterdir() if (path / "__init__.py").is_file()}
ONE_ADDRESS = {  # third-party module: the only places that may import it
    "boto3": ("preservation/storage/s3",),
    "botocore": ("preservation/storage/s3",),
    "warcio": ("preservation/formats/warc",),
    "sqlalchemy": ("preservation/catalogue/",),
    "alembic": ("preservation/catalogue/",),
    "prefect": ("flows/",),
}


def test_the_contracts_hold() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_stage_stands_in_the_contract_that_keeps_stages_apart() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (independent,) = [contract["modules"] for contract in contracts if contract["type"] == "independence"]
    assert set(independent) == {f"preservation.stages.{stage}" for stage in STAGES}


def test_every_package_stands_in_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    named = {part.strip() for layer in layers for part in layer.replace("|", ":").split(":")}
    below = (ROOT / "preservation").iterdir()
    present = {f"preservation.{path.stem}" for path in below if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert present - named - {"preservation.__init__", "preservation.sample"} == set()


def test_each_outside_library_has_one_address() -> None:
    """Read off the source as well, because a contract that names too few modules holds, too."""
    wrong = []
    for module in modules():
        for_types = {id(each) for node in ast.walk(tree(module)) if _only_for_types(node) for each in ast.walk(node)}
        for node in ast.walk(tree(module)):
            if id(node) in for_types:
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                allowed = ONE_ADDRESS.get(name.split(".")[0])
                if allowed and not str(module).startswith(allowed):
                    wrong.append(f"{module}: {name}")
    assert wrong == []


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_the_packages_are_the_ones_that_are_installed() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(found) == sorted(f"{package}*" for package in PACKAGES)
