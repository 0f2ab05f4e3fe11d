"""
Sending from an embedded store, on which a server may have sealed the secrets of webhooks.
"""

from __future__ import annotations

from collections.abc import Callable

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.valueclass import replace
from figuard.webhooks.secretbox import SecretBox, decoded_key, is_sealed
from figuard.webhooks.sender import Attempt, Sender

KEY_VARIABLE = "FIGUARD_WEBHOOK_SECRET_KEY"
"""The variable that holds the key of webhook secrets."""


class SealedSecretError(ValueError):
    """A webhook's secret was sealed by a server and cannot be opened here; nothing was sent."""


class OpeningSender(Sender):
    """A sender that opens what a server has sealed, or says that it cannot."""

    def __init__(self, key: Callable[[], str | None], *, allow_private: bool = False) -> None:
        """Take how the server's key is found, as base64; it is looked for when a sealed secret comes."""
        super().__init__(allow_private=allow_private)
        self._key = key

    def __call__(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        """Send one notice, once. Raises ``SealedSecretError``: a wrong signature would be worse than none."""
        return super().__call__(self._opened(webhook), delivery)

    def test(self, webhook: Webhook) -> Attempt:
        """As ``Sender.test``; a secret that cannot be opened is a failed attempt. Never raises."""
        try:
            return super().test(self._opened(webhook))
        except SealedSecretError as error:
            return Attempt(error_message=str(error))

    def _opened(self, webhook: Webhook) -> Webhook:
        if not is_sealed(webhook.secret):
            return webhook
        text = self._key()
        if text is None:
            raise SealedSecretError(
                f"the secret of webhook {webhook.id} was sealed by a server; set {KEY_VARIABLE} (or "
                "FIGUARD_SECRETS_FILE) as that server has it"
            )
        try:
            secret = SecretBox(decoded_key(text)).open(webhook.secret, webhook.tenant_id, webhook.id)
        except ImportError as missing:
            raise SealedSecretError(
                f"the secret of webhook {webhook.id} was sealed by a server; to open it: pip install 'figuard[server]'"
            ) from missing
        except ValueError as error:
            raise SealedSecretError(
                f"the secret of webhook {webhook.id} does not open under the key that is set; set {KEY_VARIABLE} as "
                "the server has it that sealed it"
            ) from error
        return replace(webhook, secret=secret)
