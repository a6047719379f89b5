"""Predict, ask what if, and have a file predicted, in a real browser in front of a real Augury."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from augury.client import Client
from support.files import applicants, written
from ui.walks import (
    PASSWORD,
    Addresses,
    balance,
    download,
    fits,
    register,
    watch_for_other_hosts,
)

NAME = "godwit"


def charts(page: Page) -> Locator:
    """Return the charts of a page."""
    return page.get_by_test_id("stVegaLiteChart")


def run(program: list[str], key: str) -> str:
    """Run what the page has shown, as a customer with an API key would; return what it said."""
    environment = {**os.environ, "AUGURY_API_KEY": key}
    done = subprocess.run(
        program, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def left(page: Page, credits_: str) -> None:
    """Wait until the balance beside the screen is this."""
    expect(balance(page)).to_have_text(re.compile(f"{credits_} credits"))


def predict(page: Page, client: Client) -> None:
    """Buy a prediction with reasons, and run the two programs that do the same."""
    page.goto("/predict?model=credit-catboost")
    page.get_by_text("With reasons, for 40 credits more").click()
    page.get_by_role("button", name="Predict for 140 credits").click()
    expect(charts(page)).to_have_count(2)
    expect(charts(page).first.locator("svg, canvas")).to_be_visible()
    left(page, "4,860")
    page.reload()
    expect(charts(page)).to_have_count(2)
    page.get_by_text("The same in curl and Python").click()
    expect(page.locator("pre code")).to_have_count(2)
    for code in page.locator("pre code").all():
        expect(code).to_be_visible()
    # What is copied, and not what is seen: the colours of code cut it into pieces.
    curl, python = (one.inner_text() for one in page.locator("pre code").all())
    key = client.api_keys.create("the page's own words", scopes=("predict",)).key
    (bought,) = client.predictions().items
    told = json.loads(run(["sh", "-c", curl], key))
    assert told["outputs"] == list(bought.outputs or ())
    assert str(told["outputs"][0]["default_probability"]) in run(
        [sys.executable, "-c", python], key
    )
    assert client.me().balance.available == 5000 - 3 * 140


def ask_what_if(page: Page, client: Client) -> None:
    """Move the age of the prediction's row: the price first, one order however often one clicks."""
    page.get_by_role("button", name="What if?").click()
    expect(page.get_by_role("heading", name="What moves")).to_be_visible()
    page.get_by_role("button", name="Work out the price").click()
    expect(page.get_by_text("21 calls, 100 credits each: 2,100 credits in all")).to_be_visible()
    assert client.me().balance.available == 4580
    page.get_by_role("button", name="Make 21 calls for 2,100 credits").dblclick()
    expect(charts(page)).to_have_count(1)
    left(page, "2,480")
    assert client.predictions().items[0].rows == 21
    page.reload()
    expect(charts(page)).to_have_count(1)


def send_file(page: Page, client: Client, folder: Path) -> None:
    """Two of its lines are bad: the page says which, and only the others are paid for."""
    page.goto("/batches?model=credit-logistic-regression")
    content = written("csv", applicants(12, (3, 7)))
    file: FilePayload = {"name": "applicants.csv", "mimeType": "text/csv", "buffer": content}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    for line in ("5", "9"):
        expect(page.get_by_role("cell", name=line, exact=True).first).to_be_visible()
    expect(page.get_by_text("10 rows, 10 credits each: 100 credits")).to_be_visible()
    page.get_by_role("button", name="Start the batch").click()
    link = page.get_by_role("link", name="Download the results")
    expect(link).to_be_visible()
    expect(charts(page)).to_have_count(2)
    left(page, "2,380")
    caught = download(page, link)
    (batch,) = client.batches.batches().items
    client.batches.save_results(batch.id, folder / "results.csv")
    assert caught.path().read_bytes() == (folder / "results.csv").read_bytes()
    assert caught.suggested_filename == "applicants-results.csv"
    assert (batch.rows_done, batch.rows_failed, batch.credits_captured) == (10, 2, 100)
    page.reload()
    expect(charts(page)).to_have_count(2)


def test_a_customer_predicts_asks_what_if_and_sends_a_file(
    visitor: BrowserContext, served: Addresses, tmp_path: Path
) -> None:
    page = visitor.new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    register(page, NAME)
    with Client(served.api) as client:
        client.sign_in(NAME, PASSWORD)
        predict(page, client)
        ask_what_if(page, client)
        send_file(page, client, tmp_path)
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/predict?model=credit-catboost", "/what-if", "/batches"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
    assert asked_elsewhere == []
