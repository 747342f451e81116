"""A webhook and a sender in Python, with the plugin that any other gateway loads: `rbm component --output rbm.wasm`, then

    pip install wasmtime
    RBM_AGENT_ID=demo RBM_CLIENT_TOKEN=… RBM_ACCESS_TOKEN=… python gateway.py
"""
import json
import os
import sys
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from wasmtime.component import Variant
from channel import Channel, Record

SETTINGS = {"agent-id": "RBM_AGENT_ID", "client-token": "RBM_CLIENT_TOKEN", "api-origin": "RBM_API_ORIGIN"}
CHANNEL = Channel("rbm.wasm")


def context():
    settings = [Record(name=name, value=os.environ[key]) for name, key in SETTINGS.items() if os.environ.get(key)]
    return Record(settings=settings, now=datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"))


def plain(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else vars(value)


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > 1 << 20:
            self.close_connection = True
            return self.answer(413, [], b"")
        body = self.rfile.read(int(length))
        return self.send_message(json.loads(body)) if self.path == "/v1/messages" else self.webhook(body)

    def do_GET(self):
        self.webhook(b"")

    def webhook(self, body):
        headers = [Record(name=name, value=value) for name, value in self.headers.items()]
        asked = Record(method=self.command, url=self.path, headers=headers, body=body)
        reaction = CHANNEL.call("on-event", context(), asked).payload
        # Here belongs what keeps events durably and drops those whose dedupe-key it has, before anything is answered.
        for event in reaction.inbound:
            print(json.dumps(event, default=plain), flush=True)
        response = reaction.response
        self.answer(response.status, response.headers, response.body)

    def send_message(self, given):
        message = Record(id=given["id"], recipient=given["to"], content=Variant("text", given["text"]), suggestions=[],
                         purpose=None, expiry=None, options=[])
        # Accepted is not delivered: that comes as an event.
        sent = CHANNEL.call("send", context(), message)
        self.answer(202 if sent.tag == "ok" else 502, [], json.dumps(sent.payload, default=plain).encode())

    def answer(self, status, headers, body):
        self.send_response(status)
        for header in headers:
            self.send_header(header.name, header.value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler)
print(f"listening at {server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
