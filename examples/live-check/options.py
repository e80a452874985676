"""The command line of scripts/live-check."""

import argparse
import urllib.parse

REAL_API = "https://api.hetzner.cloud/v1"


def parse(arguments, description):
    parser = argparse.ArgumentParser(prog="live-check", description=description,
                                     epilog="Exit code: 0 only if all went well and nothing is left.")
    parser.add_argument("--programs", default="build/default/bin", help=argparse.SUPPRESS)
    parser.add_argument("--gateway-url", required=True, metavar="https://HOST:PORT",
                        help="where a server in the cloud reaches this machine")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="where this machine listens for that; else the URL's port")
    parser.add_argument("--certificate", metavar="FILE", help="PEM, for the host of the URL; else one is made for this check")
    parser.add_argument("--key", metavar="FILE", help="PEM, of the certificate")
    parser.add_argument("--ca", metavar="FILE", help="PEM: who has signed the certificate, unless every system knows them")
    parser.add_argument("--type", default="cx23", help="server type (default: %(default)s)")
    parser.add_argument("--location", action="append", default=[], help="location; again for further ones (default: the usual three)")
    parser.add_argument("--ssh-key", metavar="FILE", help="public key that may log in, to look into a boot that fails")
    parser.add_argument("--url", default=REAL_API, help="of the API (default: %(default)s)")
    parser.add_argument("--time-limit", type=float, default=1500, metavar="SECONDS",
                        help="then the server is deleted (default: %(default)g)")
    parser.add_argument("--patience", type=float, default=90, metavar="SECONDS",
                        help="how long after a refusal without another try it ends (default: %(default)g)")
    parser.add_argument("--delete-limit", type=float, default=300, metavar="SECONDS",
                        help="how long a delete may take before it cries for help (default: %(default)g)")
    parser.add_argument("--look-every", type=float, default=2, metavar="SECONDS",
                        help="how often it looks; a project has 3,600 requests an hour (default: %(default)g)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        gateway = urllib.parse.urlsplit(options.gateway_url)
        understood = gateway.scheme in ("http", "https") and gateway.hostname and (gateway.port or 443)
    except ValueError:
        understood = False
    if not understood:
        parser.error(f"--gateway-url is '{options.gateway_url}'; expected https://HOST:PORT")
    if bool(options.certificate) != bool(options.key):
        parser.error("--certificate and --key go together")
    return options
