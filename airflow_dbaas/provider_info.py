"""What Airflow discovers of this provider. Imports nothing: it is loaded into every Airflow process."""


def get_provider_info() -> dict:  # type: ignore[type-arg]  # Airflow's schema says what is in it
    """The provider's description, as Airflow's provider manager expects it."""
    return {
        "package-name": "airflow-dbaas",
        "name": "Exoscale DBaaS",
        "description": "Exoscale's managed databases: services, migrations, integrations.",
        "integrations": [
            {
                "integration-name": "Exoscale DBaaS",
                "external-doc-url": "https://community.exoscale.com/product/dbaas/",
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": "Exoscale DBaaS",
                "python-modules": [
                    "airflow_dbaas.operators.external_endpoints",
                    "airflow_dbaas.operators.integrations",
                    "airflow_dbaas.operators.migrations",
                    "airflow_dbaas.operators.observability",
                    "airflow_dbaas.operators.reconcile",
                    "airflow_dbaas.operators.services",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": "Exoscale DBaaS",
                "python-modules": [
                    "airflow_dbaas.sensors.integrations",
                    "airflow_dbaas.sensors.migrations",
                    "airflow_dbaas.sensors.operations",
                    "airflow_dbaas.sensors.services",
                    "airflow_dbaas.sensors.tasks",
                ],
            }
        ],
        "hooks": [{"integration-name": "Exoscale DBaaS", "python-modules": ["airflow_dbaas.hooks.dbaas"]}],
        "triggers": [
            {
                "integration-name": "Exoscale DBaaS",
                "python-modules": [
                    "airflow_dbaas.triggers.dbaas",
                    "airflow_dbaas.triggers.migration_turn",
                ],
            }
        ],
        "extra-links": ["airflow_dbaas.links.DbaasMigrationLink", "airflow_dbaas.links.DbaasServiceLink"],
        # Airflow 3.2: airflow dbaas …; earlier ones leave it alone.
        "cli": ["airflow_dbaas.cli.definition.get_cli_commands"],
        "plugins": [{"name": "exoscale_dbaas", "plugin-class": "airflow_dbaas.plugin.DbaasPlugin"}],
        "connection-types": [
            {
                "connection-type": "exoscale",
                "hook-class-name": "airflow_dbaas.hooks.dbaas.DbaasHook",
                "hook-name": "Exoscale DBaaS",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "login": "API key",
                        "password": "API secret",
                        "host": "API endpoint",
                    },
                    "placeholders": {
                        "login": "EXO…",
                        "host": "leave empty for https://api-{zone}.exoscale.com/v2",
                    },
                },
                "conn-fields": {
                    "zone": {
                        "label": "Zone",
                        "description": "Zone of the services; an API endpoint of Exoscale must be in the same zone",
                        "schema": {
                            "type": ["string", "null"],
                            "enum": [
                                "at-vie-1",
                                "at-vie-2",
                                "bg-sof-1",
                                "ch-dk-2",
                                "ch-gva-2",
                                "de-fra-1",
                                "de-muc-1",
                                "hr-zag-1",
                            ],
                        },
                    },
                    "timeout": {
                        "label": "Timeout",
                        "description": "Seconds that connecting and each read may take; 30 if empty",
                        "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 600},
                    },
                    "ca_file": {
                        "label": "CA file",
                        "description": "PEM file of the authorities to trust for the API, instead of the usual ones",
                        "schema": {"type": ["string", "null"]},
                    },
                    "organization": {
                        "label": "Organization",
                        "description": "Name of the organization, for links to the portal",
                        "schema": {"type": ["string", "null"]},
                    },
                },
            }
        ],
    }
