"""The pages as a browser has them: whole, quiet, and at home on a telephone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clerestory.pages.report import render_report
from clerestory.pages.truth import ONLY_SYNTHETIC, render_truth
from tests.support.first_look import make_facts, make_plan, make_rows

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser here; to run this: apt-get install chromium"
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
POLICY = "Content Security Policy"


def browse(page: Path, folder: Path, *wishes: str) -> tuple[str, str]:
    """Open a page in a fresh profile; what the browser printed and what it logged."""
    done = subprocess.run(
        [
            CHROMIUM or "chromium",
            *QUIET,
            f"--user-data-dir={folder / 'profile'}",
            *wishes,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def measure(page: bytes, folder: Path, width: int) -> str:
    """
    Put a page into a frame of a width and have its size written into the title.

    The page forbids scripts, so the measuring one stands in the page around it; that one opens
    the frame's document, which a browser allows between files with the switch below only.
    """
    inner, outer = folder / "inner.html", folder / "outer.html"
    inner.write_bytes(page)
    outer.write_text(
        f"<!doctype html><title>?</title><iframe src=inner.html style='width:{width}px'></iframe>"
        "<script>onload=()=>{const root=document.querySelector('iframe').contentDocument"
        ".documentElement;document.title=`wide ${root.scrollWidth}`}</script>",
        encoding="utf-8",
    )
    dom, _ = browse(outer, folder, "--dump-dom", "--allow-file-access-from-files")
    return dom


def test_a_browser_shows_the_report_as_it_was_written(tmp_path: Path) -> None:
    """No element is repaired or dropped, no rule of the policy is broken, the style applies."""
    made = render_report(make_plan(), make_rows(), make_facts())
    page = tmp_path / "report.html"
    page.write_bytes(made)
    dom, log = browse(page, tmp_path, "--dump-dom")

    for element in ("svg", "table", "figure", "section", "circle", "text", "td"):
        assert dom.count(f"<{element}") == made.decode().count(f"<{element}") > 0
    assert POLICY not in log
    # the control: the same page with a script in it, which the browser refuses and reports
    page.write_bytes(made.replace(b"</main>", b"<script>document.title='ran'</script></main>"))
    dom, log = browse(page, tmp_path, "--dump-dom")
    assert "<title>ran" not in dom
    assert POLICY in log


def test_the_report_fits_a_telephone(tmp_path: Path) -> None:
    """Only tables may be wider than the screen, each in a frame that scrolls."""
    made = render_report(make_plan(), make_rows(), make_facts())

    assert "<title>wide 360</title>" in measure(made, tmp_path, 360)
    # the control: one box that is too wide is seen
    wide = made.replace(b"<main", b'<pre class="x">' + b"m" * 400 + b"</pre><main")
    wide = re.sub(rb"pre \{[^}]*\}", b"", wide)
    assert "<title>wide 360</title>" not in measure(wide, tmp_path, 360)


def test_truth_opens_and_the_schemes_differ(tmp_path: Path) -> None:
    """Both dark and light draw something, and the truth page breaks no rule of its policy."""
    plan, rows = make_plan(), make_rows()
    values = {(r["table"], r["statistic"], r["keys"]): float(r["estimate"] or 0.04) for r in rows}
    page = tmp_path / "truth.html"
    page.write_bytes(render_truth(plan, rows, values, values))
    dom, log = browse(page, tmp_path, "--dump-dom")
    assert ONLY_SYNTHETIC in dom
    assert POLICY not in log

    dark, light, again = (
        picture(page, tmp_path, scheme=scheme, name=f"{i}.png")
        for i, scheme in enumerate((0, 1, 1))
    )
    assert len(dark) > 20_000  # an empty page of this size has about 3 kB
    assert dark != light
    assert light == again  # the control: what differs is the scheme


def picture(page: Path, folder: Path, *, scheme: int, name: str) -> bytes:
    """The page's upper part as a telephone draws it; scheme 0 is dark, 1 is light."""
    target = folder / name
    wishes = (f"--screenshot={target}", "--window-size=500,900")
    browse(page, folder, *wishes, f"--blink-settings=preferredColorScheme={scheme}")
    return target.read_bytes()
