#!/usr/bin/env bash
# thumbor: a folder called "smart" (or left, top, ...) is read as an option, and another file is served
#
# Run with   thumbor 7.8.0, Python 3.11, x86-64.
#
# Behaviour  An address is /unsafe/<options>/<path of the image>, without a separator between them. If
#            the first folder of a path has the name of an option (left, center, right, top, middle,
#            bottom, smart), it is removed, and the rest is searched one folder up.
#
# Expected   The file of that path, or 404. Signed addresses, for which libthumbor takes the path and
#            the options apart, have the same fault: it joins the two before it signs them.
#
# Seen       a.png is blue, smart/a.png is red, plain/a.png is green:
#              /unsafe/plain/a.png    200 (0, 255, 0)
#              /unsafe/smart/a.png    200 (0, 0, 255)
#              /unsafe/%73mart/a.png  200 (255, 0, 0)
#              signed smart/a.png     200 (0, 0, 255)
#
# Affects    Anyone who makes thumbor addresses from the paths of a library: photos in a folder "left" or
#            "top" (shoes, wafers, screens) come out as a 404 or as another photo, with status 200.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check thumbor==7.8.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os

from PIL import Image

for path, colour in {"a.png": "blue", "smart/a.png": "red", "plain/a.png": "#00ff00"}.items():
    os.makedirs(os.path.dirname(f"root/{path}"), exist_ok=True)
    Image.new("RGB", (60, 40), colour).save(f"root/{path}")
PYTHON
cat > thumbor.conf <<'CONFIG'
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = "root"
STORAGE = "thumbor.storages.no_storage"
ALLOW_UNSAFE_URL = True
SECURITY_KEY = "key"
CONFIG
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/thumbor" --ip 127.0.0.1 --port "$port" --conf thumbor.conf > server.log 2>&1 &
server=$!
PORT=$port "$work/venv/bin/python" - <<'PYTHON'
import io
import os
import sys
import time
import urllib.error
import urllib.request

from libthumbor import CryptoURL
from PIL import Image

BASE = f"http://127.0.0.1:{os.environ['PORT']}"
for _ in range(100):
    try:
        urllib.request.urlopen(f"{BASE}/healthcheck")
        break
    except OSError:
        time.sleep(0.2)


def colour(path, name=None):
    try:
        with urllib.request.urlopen(f"{BASE}{path}") as answer:
            image = Image.open(io.BytesIO(answer.read())).convert("RGB")
    except urllib.error.HTTPError as error:
        print(f"{name or path:22} {error.code}")
        return None
    pixel = image.getpixel((30, 20))
    print(f"{name or path:22} {answer.status} {pixel}")
    return pixel


seen = [colour(f"/unsafe/{folder}/a.png") for folder in ("plain", "smart", "%73mart")]
signed = CryptoURL(key="key").generate(image_url="smart/a.png")
seen.append(colour(signed, "signed smart/a.png"))
if seen != [(0, 255, 0), (0, 0, 255), (255, 0, 0), (0, 0, 255)]:
    sys.exit("changed: a folder called smart is served otherwise")
print("still there")
PYTHON
