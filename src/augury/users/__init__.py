"""People: who they are, how they sign in, and for how long."""
