"""Files of batches: tables in and out in bounded memory, and a store by content."""
