"""Certificates of a self-made authority, as files.

authority = Authority(folder)
files = authority.issue("localhost")
context = ssl.create_default_context(cafile=authority.file)
"""

import datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Files:
    """A private key and its certificate, in PEM."""

    def __init__(self, key: Path, certificate: Path) -> None:
        self.key = key
        self.certificate = certificate

    @property
    def endpoint(self) -> str:
        """The end of an ``ssl:`` endpoint's description."""
        return f"privateKey={self.key}:certKey={self.certificate}"

    def put_in_place_of(self, other: "Files") -> None:
        """Overwrite the files of another certificate."""
        other.key.write_bytes(self.key.read_bytes())
        other.certificate.write_bytes(self.certificate.read_bytes())


class Authority:
    """An authority that nobody knows but who reads its file.

    :param folder: where all files are written.
    """

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        builder = self._builder(self._name, self._key.public_key(), 30)
        self._certificate = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).sign(self._key, hashes.SHA256())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue(self, *names: str, days: int = 30) -> Files:
        """A certificate for host names or addresses.

        :param days: from now; negative: it has expired.
        """
        self._count += 1
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"number {self._count}")])
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        certificate = (
            self._builder(subject, key.public_key(), days)
            .add_extension(alternatives, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = f"{self.file.stem}-{self._count}"
        files = Files(self._folder / f"{stem}.key.pem", self._folder / f"{stem}.pem")
        files.key.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * DAY)
            .not_valid_after(now + days * DAY)
        )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
