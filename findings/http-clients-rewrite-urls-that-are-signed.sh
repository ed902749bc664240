#!/usr/bin/env bash
# urllib3 and aiohttp (fsspec): the request is not for the URL that was given
#
# Run with   urllib3 2.8.0, aiohttp 3.14.5, yarl 1.25.1, fsspec 2026.9.0, Python 3.11, x86-64.
#
# Behaviour  Both clients normalise a URL before they send it. aiohttp (by yarl) decodes escapes that
#            RFC 3986 allows unescaped, such as %3A in a path and %2F in a query; yarl's encoded=True
#            keeps those, but still drops an empty query's "?". urllib3 writes escapes in capitals and
#            resolves "..", and has no option to prevent it.
#
# Expected   The bytes of the URL's path and query, as urllib.request sends them.
#            RFC 3986 calls the forms equivalent, but the signature is valid for one of them only.
#
# Seen       given                                urllib3            fsspec             encoded=True
#            /c%3Ad.jpg?Credential=AK%2F2026      as given           /c:d.jpg?...AK/2026  as given
#            /%3a.jpg                             /%3A.jpg           /:.jpg             as given
#            /a.jpg?                              as given           /a.jpg             /a.jpg
#            /a/../b.jpg                          /b.jpg             /b.jpg             as given
#
# Affects    Anyone who fetches signed URLs from a list (CloudFront, Google Cloud CDN, thumbor, imgproxy):
#            some are answered with 403, those whose names hold a colon, a slash or small letters in
#            an escape, and a retry doesn't help.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    urllib3==2.8.0 aiohttp==3.14.5 yarl==1.25.1 fsspec==2026.9.0
"$work/venv/bin/python" - <<'PYTHON'
import http.server
import sys
import threading
import urllib.request

import fsspec
import urllib3

targets = []


class Recorder(http.server.BaseHTTPRequestHandler):
    """Remember the target of each request, as it came."""

    def do_GET(self):
        targets.append(self.requestline.split(" ")[1])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
plain = fsspec.filesystem("http", skip_instance_cache=True)
encoded = fsspec.filesystem("http", encoded=True, skip_instance_cache=True)
CLIENTS = {
    "urllib.request": lambda url: urllib.request.urlopen(url).read(),
    "urllib3": lambda url: urllib3.request("GET", url),
    "fsspec": plain.cat_file,
    "encoded=True": encoded.cat_file,
}
seen = {}
for path in ("/c%3Ad.jpg?Credential=AK%2F2026", "/%3a.jpg", "/a.jpg?", "/a/../b.jpg"):
    seen[path] = []
    for fetch in CLIENTS.values():
        fetch(base + path)
        seen[path].append(targets.pop())
    told = (f"{name}: {target}" for name, target in zip(CLIENTS, seen[path]))
    print(f"{path}\n    " + "\n    ".join(told))
expected = {
    "/c%3Ad.jpg?Credential=AK%2F2026": (
        "/c%3Ad.jpg?Credential=AK%2F2026",
        "/c:d.jpg?Credential=AK/2026",
        "/c%3Ad.jpg?Credential=AK%2F2026",
    ),
    "/%3a.jpg": ("/%3A.jpg", "/:.jpg", "/%3a.jpg"),
    "/a.jpg?": ("/a.jpg?", "/a.jpg", "/a.jpg"),
    "/a/../b.jpg": ("/b.jpg", "/b.jpg", "/a/../b.jpg"),
}
if seen != {path: [path, *others] for path, others in expected.items()}:
    sys.exit("changed: some client sends another form")
print("still there")
PYTHON
