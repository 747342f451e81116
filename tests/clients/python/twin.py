"""The emulator that these clients are pointed at, and what it says of itself."""

import contextlib
import json
import os
import tempfile
import time
import urllib.request
import uuid

SCOPE = "https://www.googleapis.com/auth/rcsbusinessmessaging"
AGENT = "demo"

ANSWERS = "+15550100001"
OFFLINE = "+15550100003"
WITHOUT_RCS = "+15550100004"

# The beginning of a picture, which is as far as anybody here looks.
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")

# The line that `rbm emulate --json` prints.
READY = json.loads(os.environ["RBM_EMULATE"])
ORIGIN = READY["emulator"]


def new_id():
    return str(uuid.uuid4())


def get(address):
    with urllib.request.urlopen(address, timeout=30) as response:
        return response.read()


def discovery_document():
    """It says that the API is where it was asked for, so that a client needs no other address."""
    return json.loads(get(f"{ORIGIN}/$discovery/rest?version=v1"))


@contextlib.contextmanager
def key_file():
    """The service account's key, in a file as Google's console gives it out."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(get(READY["service_account"]))
        file.flush()
        yield file.name


def shown(phone, message_id):
    """What the phone shows of a message; none if it was never sent."""
    messages = json.loads(get(f"{ORIGIN}/emulator/phones/{phone}"))["messages"]
    return next((message for message in messages if message["id"] == message_id), None)


def wait_until_read(phone, message_id):
    deadline = time.monotonic() + 30
    while shown(phone, message_id)["state"] != "read":
        assert time.monotonic() < deadline, shown(phone, message_id)
        time.sleep(0.02)
