"""The broker between processes: what carries rings, and never the work itself."""
