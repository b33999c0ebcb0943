"""An API with its address and its secrets: what calls it."""

from collections.abc import Mapping

import httpx

from adapters.billing.http_api import HttpApi
from adapters.billing.http_sign_in import FetchedToken, FixedHeaders, build_basic_header, build_token_fetch
from adapters.plain_http.api_description import ApiDescription


def open_api(
    description: ApiDescription, address: str, secrets: Mapping[str, str], transport: httpx.BaseTransport | None = None
) -> HttpApi:
    """`secrets`: each that the description names."""
    title = description.title or description.api
    auth = _build_auth(description, address, secrets, transport)
    return HttpApi(title, address, headers=description.headers, auth=auth, reason_path=description.reason, transport=transport)


def _build_auth(description: ApiDescription, address: str, secrets: Mapping[str, str], transport: httpx.BaseTransport | None) -> httpx.Auth:
    sign_in = description.sign_in
    headers = {name: secrets[secret] for name, secret in sign_in.headers.items()}
    if sign_in.basic is not None:
        headers["Authorization"] = build_basic_header(sign_in.basic.user, secrets[sign_in.basic.password])
    if sign_in.bearer is not None:
        headers["Authorization"] = f"Bearer {secrets[sign_in.bearer]}"
    if (client := sign_in.client_credentials) is None:
        return FixedHeaders(headers)
    secret = secrets[client.client_secret]
    form = {"scope": client.scope} if client.scope else {}
    given = dict(headers)
    if client.send_as == "body":
        form |= {"client_id": client.client_id, "client_secret": secret}
    else:
        given["Authorization"] = build_basic_header(client.client_id, secret)
    api = HttpApi(description.title or description.api, address, transport=transport)
    return FetchedToken(build_token_fetch(api, client.token_path, form, given), headers)
