"""A shop in the test's hands: a real API, its customers, and the bank behind it."""

from dataclasses import dataclass

from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.client import Client, Patience, TopUp
from augury.kit.ids import new_id
from augury.payments.providers.sandbox import Choice, Sandbox
from support.houses import PASSWORD


@dataclass(frozen=True)
class Shop:
    """An open house, and the way to its API."""

    http: TestClient
    house: House

    def customer(self) -> Client:
        """Return a client that somebody new is signed in by."""
        name = f"u{new_id()[-12:]}"
        client = self.guest()
        client.register(name, f"{name}@example.com", PASSWORD)
        client.sign_in(name, PASSWORD)
        return client

    def admin(self) -> Client:
        """Return a client that the administrator is signed in by."""
        client = self.guest()
        client.sign_in("admin", PASSWORD)
        return client

    def guest(self) -> Client:
        """Return a client that nobody is signed in by."""
        once = Patience(attempts=1)
        return Client("http://testserver", patience=once, transport=self.http._transport)

    def pay(self, top_up: TopUp, choice: Choice = Choice.APPROVE) -> None:
        """Let the bank decide, and its notifications come."""
        bank = self.house.desk.providers["sandbox"]
        assert isinstance(bank, Sandbox)
        assert top_up.checkout_url is not None
        reference = top_up.checkout_url.rpartition("/")[2]
        for told in bank.decide(reference, choice):
            headers = dict(told.headers)
            answer = self.http.post("/v1/webhooks/sandbox", content=told.body, headers=headers)
            assert answer.status_code == 200, answer.text
