"""The emulator over https, for a client that supports nothing else: a proxy that ends TLS."""

import asyncio
import ssl
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HERE = "127.0.0.1"


@contextmanager
def https_to(url: str, certificate: Path) -> Iterator[str]:
    """Forward https to a server.

    :param url: the server's URL.
    :param certificate: a file to write; the client must trust the certificate in it.
    :returns: the ``host:port`` of the proxy.
    """
    certificate.write_bytes(_new_certificate())
    started: Future[tuple[str, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()
    thread = Thread(target=asyncio.run, args=[_serve(urlsplit(url).port, certificate, started, stop)])
    thread.start()
    domain, loop = started.result()
    try:
        yield domain
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _serve(
    port: int | None,
    certificate: Path,
    started: Future[tuple[str, asyncio.AbstractEventLoop]],
    stop: asyncio.Event,
) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HERE, port)
        await asyncio.gather(_forward(reader, inner_writer), _forward(inner_reader, writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with await asyncio.start_server(connected, HERE, ssl=context) as server:
        domain = f"{HERE}:{server.sockets[0].getsockname()[1]}"
        started.set_result((domain, asyncio.get_running_loop()))
        await stop.wait()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # the other side has disconnected
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _new_certificate() -> bytes:
    """Return a key and a self-signed certificate, valid for an hour, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Hex emulator")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HERE))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)
