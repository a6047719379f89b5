"""The web cabinet: a separate process that speaks to the API over HTTP only."""
