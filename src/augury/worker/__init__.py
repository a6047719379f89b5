"""Background duties: what has to happen without anybody asking."""
