"""What database servers of every kind have in common: whom they run as, who ends them, their logs and their use."""
