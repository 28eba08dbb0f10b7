"""Parts of what was mounted: a stranger reckons them from a wheel, and anything else differs."""

import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.mounted import both_hash, code_hash, distributions, folder_hash, part_hash
from tests.support.house import installed
from tests.support.world import ROOT

names = st.text("abcdef/.", min_size=1, max_size=8)
lists = st.dictionaries(names, st.text("0123456789abcdef", min_size=8, max_size=8), max_size=5)


@given(lists, lists)
def test_other_parts_make_another_code(one: dict[str, str], other: dict[str, str]) -> None:
    """In whatever order they are listed."""
    assert (code_hash(one) == code_hash(other)) == (one == other)
    assert code_hash(dict(reversed(one.items()))) == code_hash(one)


@given(
    st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from("abc")
)
def test_two_workers_are_not_each_other(a: str, b: str, c: str, d: str) -> None:
    """Exchanged, they make another hash."""
    assert (both_hash(a, b) == both_hash(c, d)) == ((a, b) == (c, d))


def test_names_and_contents_count_and_links_do_not_hide(tmp_path: Path) -> None:
    """Moved from one file to another, a byte is still a change; so is a link in a file's place."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"12")
    two.write_bytes(b"3")
    hashes = {
        part_hash([("a", str(one)), ("b", str(two))]),
        part_hash([("b", str(one)), ("a", str(two))]),
    }
    one.write_bytes(b"1")
    two.write_bytes(b"23")
    hashes.add(part_hash([("a", str(one)), ("b", str(two))]))
    link = tmp_path / "link"
    link.symlink_to(two)
    hashes.add(part_hash([("a", str(one)), ("b", str(link))]))
    assert len(hashes) == 4


def test_versions_are_read_from_what_is_mounted() -> None:
    """Not from what happens to be installed beside it."""
    found = distributions(installed().aggregate.code.parts)
    assert found["numpy"] == version("numpy")
    assert found["opendp"] == version("opendp")
    assert "opendp" not in distributions(installed().classify.code.parts)
    assert distributions(["deps/x", "code/y", "deps/a-b-1.0.dist-info/METADATA"]) == {"a-b": "1.0"}


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_a_reader_compares_with_the_wheel(tmp_path: Path) -> None:
    """Built and unpacked, our packages have the hashes that a statement tells."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    ZipFile(wheel).extractall(tmp_path / "wheel")
    parts = {**installed().classify.code.parts, **installed().aggregate.code.parts}
    for name in ("privacy", "classifiers", "aggregates"):
        folder = tmp_path / "wheel" / name
        assert folder_hash(folder, f"code/{name}") == parts[f"code/{name}"]
        (folder / "__init__.py").write_bytes((folder / "__init__.py").read_bytes() + b"\n")
        assert folder_hash(folder, f"code/{name}") != parts[f"code/{name}"]
