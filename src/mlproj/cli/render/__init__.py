"""Documents → text. The only place that knows colours and widths."""
