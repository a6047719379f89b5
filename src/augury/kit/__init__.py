"""Domain-free tools: database, errors, ids, time, texts, logs, passwords, coalescing."""
