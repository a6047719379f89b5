"""Every address of the cabinet: its screen, who may see it, and where it stands in the menu."""

from collections.abc import Callable

from msgspec import Struct

from augury.ui.screens import (
    batches,
    forgot,
    goodbye,
    keys,
    models,
    overview,
    portfolio,
    predict,
    predictions,
    profile,
    register,
    reset,
    risk,
    sign_in,
    top_up,
    transactions,
    usage,
    webhooks,
    what_if,
)
from augury.ui.screens.admin import (
    audit_log,
    customers,
    ledger,
    load,
    popularity,
    settings,
    shelf,
    top_ups,
    vouchers,
)
from augury.ui.visit import Visit

CUSTOMER = "customer"
ADMIN = "admin"


class Place(Struct, frozen=True):
    """One address of the cabinet; its name is the path, and the key of its title.

    `role` is whom it is for: None is everybody, `customer` whoever is signed in, `admin` only
    administrators. The API decides what each may do; a place only hides what would be refused.
    """

    path: str
    icon: str
    screen: Callable[[Visit], None]
    role: str | None = None
    is_for_guests: bool = False
    is_in_menu: bool = True

    def belongs_in_menu(self, role: str | None) -> bool:
        """Return whether the menu of a visitor with `role` (None is a guest) has this place."""
        if not self.is_in_menu or (self.is_for_guests and role is not None):
            return False
        return self.role is None or self.role == role or (self.role == CUSTOMER and role == ADMIN)


# The sections of the menu, in its order; the first place is the front page.
SECTIONS: dict[str, tuple[Place, ...]] = {
    "start": (
        Place("overview", ":material/home:", overview.show),
        Place("models", ":material/model_training:", models.show),
        Place("sign-in", ":material/login:", sign_in.show, is_for_guests=True),
        Place("register", ":material/person_add:", register.show, is_for_guests=True),
    ),
    "work": (
        Place("predict", ":material/insights:", predict.show, CUSTOMER),
        Place("what-if", ":material/tune:", what_if.show, CUSTOMER),
        Place("batches", ":material/table_rows:", batches.show, CUSTOMER),
        Place("risk", ":material/show_chart:", risk.show, CUSTOMER),
        Place("portfolio", ":material/pie_chart:", portfolio.show, CUSTOMER),
        Place("predictions", ":material/history:", predictions.show, CUSTOMER),
    ),
    "money": (
        # Its way in stands under the balance, too.
        Place("top-up", ":material/add_card:", top_up.show, CUSTOMER),
        Place("transactions", ":material/receipt_long:", transactions.show, CUSTOMER),
        Place("usage", ":material/monitoring:", usage.show, CUSTOMER),
    ),
    "account": (
        Place("keys", ":material/key:", keys.show, CUSTOMER),
        Place("webhooks", ":material/webhook:", webhooks.show, CUSTOMER),
        Place("profile", ":material/person:", profile.show, CUSTOMER),
        Place("forgot", ":material/lock_reset:", forgot.show, is_in_menu=False),
        Place("reset", ":material/password:", reset.show, is_in_menu=False),
        Place("goodbye", ":material/waving_hand:", goodbye.show, is_in_menu=False),
    ),
    "admin": (
        Place("admin-load", ":material/monitoring:", load.show, ADMIN),
        Place("admin-customers", ":material/group:", customers.show, ADMIN),
        Place("admin-models", ":material/inventory_2:", shelf.show, ADMIN),
        Place("admin-popularity", ":material/leaderboard:", popularity.show, ADMIN),
        Place("admin-ledger", ":material/account_balance:", ledger.show, ADMIN),
        Place("admin-audit-log", ":material/history_edu:", audit_log.show, ADMIN),
        Place("admin-top-ups", ":material/payments:", top_ups.show, ADMIN),
        Place("admin-vouchers", ":material/redeem:", vouchers.show, ADMIN),
        Place("admin-settings", ":material/tune:", settings.show, ADMIN),
    ),
}
FRONT = SECTIONS["start"][0]
