"""The house keeps its own rules: rooms, names, words, promises about the internet."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gridmap"
TOP_LEVEL = {"pyproject.toml", "README.md", "gridmap", "geodata", "templates", "tests", "scripts"}
BESIDE = {
    "LICENSE",
    "CHANGELOG.md",
    "Dockerfile",
    "compose.yaml",
    "package.json",
    "package-lock.json",
    "requirements.txt",
    "requirements-dev.txt",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


def sources() -> list[Path]:
    return [p for p in tracked() if p.suffix == ".py" and PACKAGE in p.parents]


def test_the_top_level_holds_what_the_owner_fixed_and_little_beside() -> None:
    names = {p.relative_to(ROOT).parts[0] for p in tracked()}
    assert {n for n in names if not n.startswith(".")} - TOP_LEVEL - BESIDE == set()


def test_no_room_is_a_junk_room() -> None:
    assert [p for p in sources() if VAGUE & {part.removesuffix(".py") for part in p.relative_to(ROOT).parts}] == []


def test_only_one_file_holds_epsg_numbers() -> None:
    pattern = re.compile(r"4490|4326|3857|454[0-9]|452[0-9]|326[0-6]\d|327(?!67)[0-6]\d")  # 32767 is a smallint's end
    found = []
    for path in sources():
        if path.name == "crs.py":
            continue
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and pattern.fullmatch(str(node.value))
        ]
    assert found == []


def test_thinking_reads_no_clock_and_no_environment() -> None:
    forbidden = re.compile(r"datetime\.now|date\.today|time\.time\(|os\.environ|np\.random\.(?!default_rng|Generator)")
    found = [p for p in sources() if "domain" in p.parts and forbidden.search(p.read_text("utf-8"))]
    assert found == []


def test_every_service_asks_for_access_first() -> None:
    found = []
    for path in (p for p in sources() if p.parent.name == "services" and p.name not in {"access.py", "__init__.py"}):
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            names = [a.arg for a in node.args.args]
            if len(names) < 2 or names[0] != "con" or names[1] not in {"actor", "visitor", "operator"}:
                continue
            body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
            first = ast.unparse(body[0]) if body else ""
            if not first.startswith(("access.require(", "require(")):
                found.append(f"{path.name}:{node.name}")
    assert found == []


# Links a person follows after a warning, where the community switched them on, and a format's name: nothing is called.
LINKS_OUT = {
    "gridmap/web/navigation.py": ("uri.amap.com", "api.map.baidu.com"),
    "gridmap/files/gpx.py": ("www.topografix.com",),
    "gridmap/files/borders_out.py": ("www.opengis.net/kml",),
}


def test_nothing_in_the_product_calls_the_internet() -> None:
    address = re.compile(r"https?://(?!127\.0\.0\.1|localhost|www\.w3\.org|\{)[^\s\"'`)]+")
    allowed = (
        "opendatacommons.org",
        "openstreetmap.org",
        "opensource.org",
        "creativecommons.org",
        "www.sqlalchemy.org",
    )
    found = []
    for path in tracked():
        if path.suffix not in {".html", ".js", ".css", ".py"} or "tests" in path.relative_to(ROOT).parts:
            continue
        text = path.read_text("utf-8")
        own = (*allowed, *LINKS_OUT.get(path.relative_to(ROOT).as_posix(), ()))
        found += [f"{path.name}: {m[0]}" for m in address.finditer(text) if not any(site in m[0] for site in own)]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "package-lock.json"])
def test_pin_files_hold_no_address(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert '"resolved"' not in text
    assert "index-url" not in text
    assert "http" not in text.replace('"url": "http', "") or name == "package-lock.json"


def test_translations_are_complete() -> None:
    from babel.messages.extract import extract_from_dir
    from babel.messages.pofile import read_po

    english = PACKAGE / "translations" / "en" / "LC_MESSAGES" / "messages.po"
    with english.open("rb") as handle:
        catalogue = read_po(handle)
    assert not catalogue.fuzzy  # a catalogue so marked is passed over when it is compiled, without a word
    missing = [m.id for m in catalogue if m.id and (not m.string or m.fuzzy)]
    assert missing == []
    methods = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "N_": None}
    used = set()
    for folder in (PACKAGE, ROOT / "templates"):
        for _, _, message, _, _ in extract_from_dir(folder, methods, keywords=keywords):
            used.update(message if isinstance(message, tuple) else [message])
    known = {i for m in catalogue if m.id for i in (m.id if isinstance(m.id, tuple) else [m.id])}
    assert sorted(used - known) == []


def test_every_error_sentence_is_translated() -> None:
    from babel.messages.pofile import read_po

    with (PACKAGE / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as handle:
        known = {m.id for m in read_po(handle)}
    errors = {"BadInput", "NotFound", "Forbidden", "SignInNeeded", "TooManyTries", "Conflict", "Unavailable"}
    missing = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in errors
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ) and node.args[0].value not in known:
                missing.add(node.args[0].value)
    assert sorted(missing) == []
