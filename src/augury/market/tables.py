"""Tables of the market room."""
