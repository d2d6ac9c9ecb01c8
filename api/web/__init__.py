"""What every request passes before its route: limits, cache, headers, logs and measurements. Plain ASGI."""
