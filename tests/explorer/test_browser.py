"""The page in a real browser: it opens, a slider changes the picture, a picture that is dropped is answered."""

import base64
import io
import re
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import browse

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[browser]'")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed: none of {', '.join(NAMES)} is on the PATH"),
]
DROP = """(zone, data) => {
    const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0)), carried = new DataTransfer();
    carried.items.add(new File([bytes], "digit.png", {type: "image/png"}));
    zone.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def url(runs):
    with browse.make_server([f"--workdir={runs('dcgan')[0]}", "--port=0"]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture
def page(url):
    """The page, open; the test fails where its script does, or where something else is asked than this server."""
    wrong = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(240_000)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        # What the server refuses, as one test asks for, a browser calls an error too.
        opened.on(
            "console", lambda said: wrong.append(said.text) if said.type == "error" and "400" not in said.text else None
        )
        opened.on("request", lambda asked: None if asked.url.startswith((url, "data:")) else wrong.append(asked.url))
        opened.goto(url)
        yield opened
        browser.close()
    assert not wrong


def until(holds, *given):
    """Waits until something holds; playwright's own way evaluates a string in the page, which the page's policy forbids."""
    for _ in range(600):
        if holds(*given):
            return
        time.sleep(0.1)
    raise AssertionError(f"not within a minute: {given}")


def shown(page, selector):
    """The picture that an image on the page shows, once it shows one."""
    until(page.evaluate, "each => (document.querySelector(each)?.src ?? '').startsWith('data:image/png')", selector)
    data = page.get_attribute(selector, "src").split(",")[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture)


def test_a_slider_and_a_dropped_picture(page, runs):
    before = shown(page, ".big img")
    assert before.shape == (8, 8)
    page.wait_for_selector("[aria-label='direction 1']")
    page.locator("[aria-label='direction 1']").focus()
    source = page.get_attribute(".big img", "src")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    until(page.evaluate, "source => document.querySelector('.big img').src !== source", source)
    until(page.evaluate, "document.querySelectorAll('.strip img').length === 9")
    until(lambda: np.abs(shown(page, ".big img").astype(int) - before).max() > 3)  # the last of 40 answers
    # Back at the middle it is the first one again.
    page.get_by_text("reset").click()
    until(page.evaluate, "source => document.querySelector('.big img').src === source", source)
    # Two pins make a way.
    pin = page.get_by_text("Pin this point")
    pin.click()
    page.get_by_label("seed", exact=True).fill("7")
    page.keyboard.press("Enter")
    until(page.evaluate, "source => document.querySelector('.big img').src !== source", source)
    pin.click()
    assert page.locator(".pins img").count() == 2
    page.get_by_label("way").fill("0")
    until(page.evaluate, "source => document.querySelector('.big img').src === source", source)
    # A picture is dropped, and judged.
    page.get_by_role("tab", name="judge").click()
    buffer = io.BytesIO()
    Image.fromarray(before).save(buffer, "PNG")
    page.locator(".drop").evaluate(DROP, base64.b64encode(buffer.getvalue()).decode())
    page.wait_for_selector(".score")
    assert re.fullmatch(r"-?[\d.e-]+", page.inner_text(".score"))
    # What is no picture is refused in words.
    page.locator(".drop").evaluate(DROP, base64.b64encode(b"no picture").decode())
    page.wait_for_selector("#wrong:not([hidden])")
    assert "images cannot be read as a picture" in page.inner_text("#wrong")


def test_curves_and_pictures_over_time(page):
    page.wait_for_selector(".chart svg polyline")
    assert page.get_by_role("img", name="loss").count() == 1
    page.get_by_role("tab", name="over time").click()
    assert page.locator(".took").inner_text() == "step 30"
    until(page.evaluate, "document.querySelector('.big img').naturalWidth > 8")
