"""Keys and certificates for tests, made by openssl(1)."""

import ssl
import subprocess


def openssl(*arguments, **options):
    return subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True, **options).stdout


class Authority:
    """A certificate authority with its files in a folder."""

    def __init__(self, folder, name='authority'):
        self.folder = folder
        self.certificate = folder / f'{name}.pem'
        self.key = folder / f'{name}.key'
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 2,
                '-subj', f'/CN=jsd test {name}', '-keyout', self.key, '-out', self.certificate)

    def issue(self, name, *alternatives, subject=None, days=1):
        """(certificate, key) of `name` with subjectAltNames such as DNS:example.org; `days` below 0: expired."""
        request, key, certificate = (self.folder / f'{name}.{suffix}' for suffix in ('csr', 'key', 'pem'))
        extensions = self.folder / f'{name}.ext'
        extensions.write_text('subjectAltName=' + ','.join(alternatives) + '\n')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8',
                '-subj', subject or f'/CN={name}', '-keyout', key, '-out', request)
        openssl('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey', self.key, '-CAcreateserial',
                '-days', days, '-extfile', extensions, '-out', certificate)
        return certificate, key

    def ocsp(self, certificate):
        """A file with an OCSP response that says that the certificate is good."""
        serial = openssl('x509', '-in', certificate, '-noout', '-serial', text=True).strip().split('=')[1]
        index = self.folder / 'index.txt'
        index.write_text(f'V\t401231235959Z\t\t{serial}\tunknown\t/CN=x\n')
        request, response = self.folder / 'ocsp.request', self.folder / 'ocsp.der'
        openssl('ocsp', '-issuer', self.certificate, '-cert', certificate, '-reqout', request, '-no_nonce')
        openssl('ocsp', '-index', index, '-rsigner', self.certificate, '-rkey', self.key, '-CA', self.certificate,
                '-reqin', request, '-respout', response, '-ndays', 1)
        return response


def server_context(files):
    """For a server that shows the (certificate, key) of Authority.issue."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_alpn_protocols(['http/1.1'])
    return context
