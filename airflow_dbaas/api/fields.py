"""The types of fields that only bodies have; those of parameters are in ``parameters``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from airflow_dbaas.api.redaction import Secret

    #: A text that may also be given as ``Secret``; it is revealed before it is validated.
    SecretText = str | Secret
else:
    SecretText = str


Username = Annotated[str, Field(min_length=1, max_length=64)]
AdminUsername = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[_A-Za-z0-9][-._A-Za-z0-9]{0,63}$")]
MysqlPassword = Annotated[
    SecretText, Field(min_length=8, max_length=256, pattern=r"^[a-zA-Z0-9!#%^*_+={}()<>|.,;~?-]+$")
]
MysqlAuthentication = Literal["caching_sha2_password", "mysql_native_password"]
#: How many, where the document sets no limit but that of its 64-bit integers.
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
