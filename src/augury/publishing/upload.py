"""The upload: a parcel becomes a version of a model on a server, and is put on sale there."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from augury.client import ApiError, Client, ClientError, Prediction, PublishedVersion
from augury.publishing.folder import Parcel
from augury.publishing.rows import example
from augury.publishing.trouble import NotPublishable

Say = Callable[[str], None]

_CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a parcel goes, and what becomes of it there."""

    url: str
    user: str
    password: str
    draft: bool = False  # leave a new model unsold
    champion: bool = False  # a new version is what customers get from now on
    bought: bool = False  # buy a prediction of the example row


def deliver(parcel: Parcel, delivery: Delivery, say: Say) -> Prediction | None:
    """Publish, put on sale and try as ordered; return the prediction if one was bought.

    Raises `NotPublishable` with the server's own sentences.
    """
    with Client(delivery.url) as client:
        try:
            client.sign_in(delivery.user, delivery.password)
            return _deliver(client, parcel, delivery, say)
        except ApiError as error:
            told = [f"  {fault.pointer}: {fault.message}" for fault in error.errors]
            message = "\n".join([f"The server refused: {error.detail}", *told])
            raise NotPublishable(message) from error
        except ClientError as error:
            message = f"The server could not be asked: {error}"
            raise NotPublishable(message) from error


def _deliver(client: Client, parcel: Parcel, delivery: Delivery, say: Say) -> Prediction | None:
    name = parcel.manifest.name
    known = client.registry.model(name)
    manifest = msgspec.json.encode(parcel.manifest)
    cards = {f"card_{language}": text for language, text in parcel.cards.items()}
    size = len(parcel.content) / 1000
    say(f"upload: {size:,.0f} kB to {delivery.url} as {delivery.user}")
    if known is None:
        published = client.registry.publish(manifest, parcel.content, **cards)
    else:
        published = client.registry.publish_version(name, manifest, parcel.content, **cards)
    say(f"check: {name} version {published.version} has passed the server's quarantine")
    _put_on_sale(client, published, delivery, say, is_new=known is None)
    if not delivery.bought:
        return None
    if known is None and delivery.draft:
        message = "A draft cannot be bought, so --try was left out."
        raise NotPublishable(message)
    found = client.predict(f"{name}@{published.version}", example(parcel.manifest.inputs))
    paid = "nothing" if found.charge is None else f"{found.charge.amount} credits"
    say(f"try: the example row was bought for {paid}")
    return found


def _put_on_sale(
    client: Client, published: PublishedVersion, delivery: Delivery, say: Say, *, is_new: bool
) -> None:
    name, version = published.name, published.version
    if is_new and not delivery.draft:
        client.registry.set_status(name, "active")
        say(f"sell: {name} is on sale for {published.price} credits a row")
    elif is_new:
        say(f"sell: {name} is a draft, which nobody can buy")
    elif delivery.champion:
        client.registry.move_alias(name, _CHAMPION, version)
        say(f"sell: whoever asks for {name} gets version {version} from now on")
    else:
        say(f"sell: version {version} is for those who ask for {name}@{version}")
