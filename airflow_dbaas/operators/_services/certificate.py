"""The operator that fetches the certificate to trust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasResponseError
from airflow_dbaas.base import Check
from airflow_dbaas.operators._services.files import StoredFile
from airflow_dbaas.operators.base import DbaasOperator


class DbaasCaCertificateOperator(DbaasOperator):
    """Fetches the certificate of the authority that signs the services' certificates (get-dbaas-ca-certificate).

    It is what a TLS connection to a service is verified by, e.g. as libpq's ``sslrootcert`` with
    ``sslmode=verify-ca``. It is no secret. A file that is there is replaced in one step, so a retry does no harm.

    Returns ``certificate`` (PEM), ``path`` and ``zone``.

    :param path: file to write it to as well, local or a URL of Airflow's object storage; templated.
    :param object_storage_conn_id: Airflow connection to the store; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "path", "object_storage_conn_id")
    checks: ClassVar[dict[str, Check]] = {
        "path": validation.optional(validation.path),
        "object_storage_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(self, *, path: str | None = None, object_storage_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.object_storage_conn_id = object_storage_conn_id
        self._check()

    def start(self, context: Context) -> dict[str, Any]:
        """Fetch the certificate and write it."""
        file = StoredFile(self.path, self.object_storage_conn_id or None) if self.path else None
        certificate = self.client.services.ca_certificate().certificate
        if not certificate:
            raise DbaasResponseError("get-dbaas-ca-certificate: the answer holds no certificate")
        if file:
            file.replace(certificate.encode())
        return {"certificate": certificate, "path": self.path or None, "zone": self.hook.zone}
