"""Durable state: files, rows, and the queue. Knows neither the model nor the node."""
