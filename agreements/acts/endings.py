"""Acts at an agreement's end: termination, the certificate of destruction, and the exception from it."""

from __future__ import annotations

from datetime import date

from agreements.acts.parts import Act, Reference, Words
from agreements.acts.reviews import Hash


class AgreementTerminated(Act, frozen=True, tag="agreement.terminated"):
    """Either party ends an agreement for ever: at the end of its last day, or at once.

    Where the text has a notice, an end at once says so, and a last day respects the notice.
    """

    reference: Reference
    reason: Words
    last_day: date | None = None
    at_once: bool = False

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementCertified(Act, frozen=True, tag="agreement.certified"):
    """A signatory of the recipient certifies that what was received is destroyed; the document itself stays with them."""

    reference: Reference
    statement: Words
    document_hash: Hash

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class CertificateWaived(Act, frozen=True, tag="agreement.certificate-waived"):
    """One side agrees to close without a certificate, in these words; it is closed when the other side says the same."""

    reference: Reference
    statement: Words

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


EndingAct = AgreementTerminated | AgreementCertified | CertificateWaived
