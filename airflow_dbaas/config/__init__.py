"""Files that users write: fleets, and the desired state of integrations."""
