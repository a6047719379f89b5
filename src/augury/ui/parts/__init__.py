"""What screens are made of: forms, tables, charts, answers."""
