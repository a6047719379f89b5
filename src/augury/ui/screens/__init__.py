"""What a visitor sees, one file per screen; each has one public function, `show`."""
