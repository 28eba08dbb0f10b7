"""Pictures go, in whichever shape a format holds them, and words stay."""

import pytest

from classifiers.edge_images import without_images
from classifiers.formats.lines import Record

URL = "data:image/png;base64,QUJD"


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
        {"type": "image", "file": {"base64": "QUJD"}},
        {"type": "input_image", "image_url": URL},
        {"type": "image_url", "image_url": {"url": URL}},
        {"images": [URL, "kept"]},
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        {"deep": [[{"mime": "image/png", "url": URL}]]},
    ],
)
def test_a_picture_is_emptied(shape: Record) -> None:
    """What is not sealed cannot be lost."""
    assert without_images(shape) == 1
    assert "QUJD" not in repr(shape)


def test_words_about_a_picture_are_kept() -> None:
    """Only a value that is a picture from its first letter on is one."""
    record: Record = {"text": f"see {URL}", "data": "QUJD", "url": "data:text/plain,hi"}
    assert without_images(record) == 0
    assert record == {"text": f"see {URL}", "data": "QUJD", "url": "data:text/plain,hi"}
