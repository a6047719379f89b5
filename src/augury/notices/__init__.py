"""What customers are told when it happens: webhooks to their servers, and e-mail."""
