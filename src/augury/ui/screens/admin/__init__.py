"""What administrators see, one file per screen; each has one public function, `show`."""
