"""`python -m ms_ovs` is the command `ms-ovs`."""

from ms_ovs.cli.main import main

main()
