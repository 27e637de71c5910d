"""Moving data: source, target, records of migrations, assets and lineage."""
