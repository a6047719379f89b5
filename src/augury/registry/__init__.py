"""What is on sale: models, their immutable versions, aliases and prices."""
