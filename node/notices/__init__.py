"""Notices: what people have to know reaches them by e-mail and webhook."""
