"""A local DBaaS: speaks Exoscale's API and moves real rows between real servers.

It takes Exoscale's OpenAPI document as its law and shares no code with the client it is used to
prove, so nothing in here imports Airflow or ``airflow_dbaas.api``.
"""
