"""What stops a backup or a restore, in one sentence for the operator."""


class BackupTrouble(Exception):
    """It cannot be done; nothing that was there before has been changed."""
