"""What the market room refuses."""

from augury.kit.errors import Refusal


class SeriesNotFound(Refusal):
    """There is no series of this name; the nearest names are in `nearest`."""

    code = "series_not_found"
    status = 404


class TooManySeries(Refusal):
    """The house keeps as many series as it may."""

    code = "too_many_series"
    status = 409
