"""Vouchers: codes that an administrator gives away and customers turn into credits."""
