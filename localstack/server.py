"""Runs one emulator on a loopback port until it is told to end. Started by local.py, in the emulator's
own virtual environment; not meant to be called by hand.

Prints one JSON line to standard output when the server answers (and the organization is planted), and
nothing else there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from xml.sax.saxutils import escape, unescape

# AWS-managed policies that the emulated accounts know. Moto ships all of them, some 1,600, and would
# list them in each account's authorization details as though they were attached.
MANAGED_POLICIES = {
    "AdministratorAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "IAMFullAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecurityAudit",
    "ViewOnlyAccess",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["moto", "localstack"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--enforce-iam", action="store_true")
    parser.add_argument("--until-eof", action="store_true")
    parser.add_argument("--parent", type=int)
    arguments = parser.parse_args()
    if arguments.enforce_iam and arguments.kind != "moto":
        parser.error("--enforce-iam is for moto: LocalStack's free release checks no permissions")

    stdout, stderr = detach_output(arguments.log)
    if arguments.until_eof:
        on_thread(end_at_eof)
    if arguments.parent:
        on_thread(end_with_parent, arguments.parent)
    try:
        if arguments.kind == "moto":
            run_moto(arguments, stdout, stderr)
        else:
            run_localstack(arguments, stdout, stderr)
    except Exception as error:
        print(f"local aws: {type(error).__name__}: {error}", file=stderr, flush=True)
        raise


def detach_output(log: Path | None):
    """Keeps the caller's streams for our own few lines and sends the emulator's chatter to the log."""
    stdout = os.fdopen(os.dup(1), "w")
    stderr = os.fdopen(os.dup(2), "w")
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    sink = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    return stdout, stderr


def run_moto(arguments: argparse.Namespace, stdout, stderr) -> None:
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # The public images of each region take a second to load, and no scan reads them.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    import moto.iam.models as iam

    known = json.loads(iam.aws_managed_policies_data)
    iam.aws_managed_policies_data = json.dumps({name: known[name] for name in MANAGED_POLICIES})

    from moto import settings
    from moto.core.authorization import ActionAuthenticatorMixin
    from moto.iam.access_control import IAMRequestBase
    from moto.moto_server import threaded_moto_server

    import moto_additions

    moto_additions.apply()
    make_app = threaded_moto_server.create_backend_app
    threaded_moto_server.create_backend_app = lambda service: answer_unknown(make_app(service))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = threaded_moto_server.ThreadedMotoServer(
        ip_address="127.0.0.1", port=arguments.port, verbose=False
    )
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    plant(arguments, endpoint, stderr)
    moto_additions.age()
    if arguments.enforce_iam:
        # Moto computes a wrong signature for the GETs of REST services. Unknown keys are refused anyway,
        # and permissions are what the tests are about.
        IAMRequestBase.check_signature = lambda self: None
        ActionAuthenticatorMixin.request_count = 0
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    announce(stdout, endpoint)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass


def answer_unknown(app):
    """Says 501 `NotImplemented`, as LocalStack does, where moto has no such operation.

    Moto itself would answer with a page of HTML and 500 (a client takes that for an outage and tries
    again) or 404 (too close to "there is no such thing").
    """
    from flask import Response, request
    from werkzeug.exceptions import NotFound

    def not_implemented(error: Exception) -> Response:
        # EC2, the other query services and S3 each wrap the same element in their own way.
        scope = request.headers.get("Authorization", "")
        message = f"<Code>NotImplemented</Code><Message>{escape(str(error))}</Message>"
        if "/s3/aws4_request" in scope:
            return Response(f"<Error>{message}</Error>", 501, mimetype="text/xml")
        if "/ec2/aws4_request" in scope:
            body = f"<Response><Errors><Error>{message}</Error></Errors></Response>"
            return Response(body, 501, mimetype="text/xml")
        if "x-www-form-urlencoded" in request.headers.get("Content-Type", ""):
            body = f"<ErrorResponse><Error>{message}</Error></ErrorResponse>"
            return Response(body, 501, mimetype="text/xml")
        body = json.dumps({"__type": "NotImplemented", "message": str(error)})
        headers = {"x-amzn-errortype": "NotImplemented"}
        return Response(body, 501, headers=headers, mimetype="application/json")

    app.register_error_handler(NotImplementedError, not_implemented)
    # No route. What moto itself cannot find, it says in AWS's words.
    app.register_error_handler(NotFound, not_implemented)

    @app.after_request
    def deny_in_the_services_own_words(response: Response) -> Response:
        # Moto writes every denial as XML; a client of a JSON service finds no error code in that.
        if response.status_code not in (400, 401, 403) or response.is_streamed:
            return response
        found = re.search(
            r"<Code>(\w+)</Code>\s*<Message>(.*?)</Message>", response.get_data(as_text=True), re.S
        )
        if not found or not speaks_json(request):
            return response
        code, message = found[1], unescape(found[2])
        response.set_data(json.dumps({"__type": code, "message": message}))
        response.headers["Content-Type"] = "application/json"
        response.headers["x-amzn-errortype"] = code
        return response

    return app


def speaks_json(request) -> bool:
    scope = request.headers.get("Authorization", "")
    form = "x-www-form-urlencoded" in request.headers.get("Content-Type", "")
    return not form and "/s3/aws4_request" not in scope


def run_localstack(arguments: argparse.Namespace, stdout, stderr) -> None:
    port = arguments.port or free_port()
    endpoint = f"http://127.0.0.1:{port}"
    home = tempfile.mkdtemp(prefix="posture-localstack-")
    os.environ |= {
        "CONFIG_DIR": home,
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "EAGER_SERVICE_LOADING": "0",
        "FILESYSTEM_ROOT": f"{home}/root",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "HOME": home,
        "LOCALSTACK_VOLUME_DIR": home,
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "TMPDIR": home,
        "XDG_CACHE_HOME": f"{home}/cache",
    }
    tempfile.tempdir = home

    def when_up() -> None:
        try:
            wait_until_up(f"{endpoint}/_localstack/health")
            plant(arguments, endpoint, stderr)
            announce(stdout, endpoint)
        except Exception as error:
            print(f"local aws: {type(error).__name__}: {error}", file=stderr, flush=True)
            traceback.print_exc(file=stderr)
            os.kill(os.getpid(), signal.SIGTERM)

    on_thread(when_up)
    # LocalStack downloads the runtimes of functions and databases when they are first used, which no scan
    # needs. Before anything else imports the function by name:
    import localstack.utils.http as downloads

    downloads.download = refuse_download
    from localstack.runtime.main import main as localstack_main

    try:
        localstack_main()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def refuse_download(url: str, *_: object, **__: object) -> None:
    raise OSError(f"the local AWS downloads nothing: {url}")


def plant(arguments: argparse.Namespace, endpoint: str, stderr) -> None:
    if not arguments.seed:
        return
    from seed import plant_organization

    plant_organization(arguments.kind, endpoint, arguments.seed, log=stderr)


def announce(stdout, endpoint: str) -> None:
    print(json.dumps({"endpoint": endpoint, "pid": os.getpid()}), file=stdout, flush=True)
    stdout.close()


def wait_until_up(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_thread(function, *arguments) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def end_at_eof() -> None:
    while os.read(0, 4096):
        pass
    end()


def end_with_parent(pid: int) -> None:
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            end()
        time.sleep(0.5)


def end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    # For a server that does not get round to its clean end.
    time.sleep(10)
    os._exit(1)


if __name__ == "__main__":
    main()
