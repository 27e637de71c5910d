"""``make bench-fleet``: the example DAG for fleets over hundreds of services, in whole Airflows."""
