"""What `python -m jaxgan ...` runs."""
