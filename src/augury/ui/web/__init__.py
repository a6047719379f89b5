"""What the cabinet answers beside its script: sign-in, downloads, headers, sessions."""
