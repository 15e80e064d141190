"""A trained run as a page in the browser: what it may be asked follows from its game's abilities."""
