"""The result view: markers on the right slices at the right places, and every reason."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from node.web.pictures import PictureError, Pictures
from node.web.site import Site
from storage import instances
from storage.tables import Instance
from tests import web_pages


@pytest.fixture
def result(site: Site) -> int:
    """A result on five stored slices; its id."""
    folder = site.config.storage.folder
    found = web_pages.store_series(site.database, folder)
    return web_pages.add_result(site.database, found).id


def test_the_marker_stands_where_the_point_is(client: TestClient, result: int) -> None:
    text = client.get(f"/reports/{result}").text
    assert text.count('class="mark"') == 1
    assert "Slice 3 of 5" in text
    circle = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text)
    assert circle is not None
    # row 30, column 20, half a millimetre each; a pixel's centre is half a pixel from its corner
    assert [float(value) for value in circle.groups()] == [10.25, 15.25]
    assert "confidence 87 %" in text
    assert text.count("not &lt;b&gt;imaged&lt;/b&gt;") == 9
    path = re.search(r'<image href="([^"]+)"', text)
    assert path is not None
    answer = client.get(path[1])
    assert answer.headers["content-type"] == "image/png"
    image = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert image.shape == (64, 64)
    assert image.min() < 10
    assert image.max() > 245
    assert client.get(f"/reports/{result}/slices/5.png").status_code == 404


def test_a_result_without_images_says_why(client: TestClient, site: Site, result: int) -> None:
    with site.database.read() as session:
        first = instances.current_instances(session, 1)[0]
    (site.config.storage.folder / first.path).write_bytes(b"damaged")
    text = client.get(f"/reports/{result}").text
    assert "No pictures" in text
    assert "L1/L2 left foramen" in text
    assert client.get(f"/reports/{result}/slices/0.png").status_code == 404
    with site.database.begin() as session:
        for row in session.query(Instance):
            row.state = "superseded"
    assert "not stored any more" in client.get(f"/reports/{result}").text


@pytest.mark.usefixtures("result")
def test_a_series_is_read_once(site: Site) -> None:
    pictures = Pictures(site.config.storage.folder)
    with site.database.read() as session:
        paths = [row.path for row in instances.current_instances(session, 1)]
    first = pictures.slices(paths)
    (site.config.storage.folder / paths[0]).unlink()
    assert pictures.slices(paths) is first
    with pytest.raises(PictureError):
        pictures.slices(paths[:-1])
    with pytest.raises(PictureError, match="no slice 5"):
        first.png(5)
