"""Papers as PDF: statements, receipts and invoices, from plain values to bytes."""
