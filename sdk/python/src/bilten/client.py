"""The client: signs in, repeats safely, and tells of refusals by their code."""

from __future__ import annotations

import uuid
from typing import Any

import urllib3

from bilten.api_client import ApiClient
from bilten.configuration import Configuration
from bilten.exceptions import ApiException
from bilten.models.problem import Problem

_PUT_OFF = (429, 503)


class Bilten(ApiClient):
    """A client for the classes of ``bilten.api``, such as ``CatalogApi(Bilten(url, key))``.

    ``token`` is an API key, an access token, or the token of an order. A request that the server
    has put off (429, 503) is sent again up to ``retries`` times, after the time it asks for.
    """

    def __init__(self, base_url: str, token: str | None = None, *, retries: int = 3) -> None:
        configuration = Configuration(host=base_url.rstrip("/"), access_token=token)
        configuration.retries = urllib3.Retry(
            total=retries,
            # What may have arrived is not sent again by itself, except where it was refused.
            connect=retries,
            read=0,
            redirect=0,
            other=0,
            status_forcelist=_PUT_OFF,
            allowed_methods=None,
            respect_retry_after_header=True,
            raise_on_status=False,
            backoff_factor=0.5,
            backoff_jitter=0.1,
        )
        super().__init__(configuration)
        self.user_agent = "bilten-sdk-python"

    def call_api(
        self,
        method: Any,
        url: Any,
        header_params: Any = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: Any = None,
    ) -> Any:
        """Sends a POST with an ``Idempotency-Key``, the same one each time it is repeated."""
        headers = dict(header_params or {})
        if method == "POST" and not any(name.lower() == "idempotency-key" for name in headers):
            headers["Idempotency-Key"] = str(uuid.uuid4())
        return super().call_api(method, url, headers, body, post_params, _request_timeout)


def problem(error: ApiException) -> Problem | None:
    """What the server said when it refused; its ``code`` is stable."""
    if isinstance(error.data, Problem):
        return error.data
    try:
        return Problem.from_json(error.body) if error.body else None
    except ValueError:
        return None
