"""Makes the models that ship. Needs the `train` extra; nothing that serves imports it."""
