"""The science: volumes, networks, localisation, training. Knows neither storage nor node."""
