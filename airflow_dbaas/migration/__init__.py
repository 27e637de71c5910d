"""Moving data: source and target, who started which migration, and what others are told of it."""
