"""Whom the clients trust: TLS is always verified."""

from __future__ import annotations

import functools
import os
import ssl

import httpx

from airflow_dbaas.api.errors import DbaasConfigurationError


def authorities(ca_file: str | None) -> ssl.SSLContext:
    """The context that verifies a server's certificate.

    :param ca_file: PEM file of the authorities to trust instead of the usual ones, which are those of httpx.
    :raises DbaasConfigurationError: if they cannot be read.
    """
    if not ca_file:
        return _usual(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise DbaasConfigurationError(f"ca_file {ca_file!r} cannot be used: {error}") from error


@functools.cache
def _usual(file: str | None, _folder: str | None) -> ssl.SSLContext:
    # Read once: that takes 25 ms, and a triggerer makes a client for each of its many waits, in its event loop.
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise DbaasConfigurationError(
            f"the default CA certificates cannot be read (SSL_CERT_FILE is {file!r}): {error}"
        ) from error


@functools.cache
def nobody() -> ssl.SSLContext:
    """A context that trusts no server, for unencrypted requests: httpx requires one."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
