"""What stops a publication, in one sentence for the person who publishes."""


class NotPublishable(Exception):
    """A model cannot be put on sale as it is; nothing has been uploaded."""


class Unconvertible(Exception):
    """One way of converting a model does not work; another may."""
