"""Reports: tables and plots of what the other rooms computed. Nothing is calculated here."""
