"""`python -m reflector_assets.cli` is `reflector`."""

from reflector_assets.cli import main

main()
