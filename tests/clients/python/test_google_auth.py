"""A client that knows addresses by itself and leaves the authentication to google-auth: the key file is read, a token is bought
with it where the file says, and every request carries that, all by Google's own code."""

import datetime
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account

from twin import AGENT, ANSWERS, OFFLINE, ORIGIN, PNG, SCOPE, WITHOUT_RCS, key_file, new_id, shown, wait_until_read


class KeyFile(unittest.TestCase):
    def setUp(self):
        self.path = self.enterContext(key_file())

    def credentials(self, **options):
        return service_account.Credentials.from_service_account_file(self.path, **{"scopes": [SCOPE], **options})


class Tokens(KeyFile):
    def test_a_token_is_bought_for_an_hour(self):
        credentials = self.credentials()
        credentials.refresh(Request())
        self.assertTrue(credentials.valid)
        # The library's times are in UTC, and have no zone.
        left = credentials.expiry - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.assertAlmostEqual(left.total_seconds(), 3599, delta=30)

    def test_a_token_of_another_scope_opens_nothing(self):
        credentials = self.credentials(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        address = f"{ORIGIN}/v1/phones/{ANSWERS}/capabilities"
        with AuthorizedSession(credentials) as session:
            response = session.get(address, params={"agentId": AGENT, "requestId": new_id()}, timeout=30)
        self.assertEqual((response.status_code, response.json()["error"]["status"]), (403, "PERMISSION_DENIED"))

    def test_another_key_buys_nothing(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        genuine = self.credentials()
        info = {
            "private_key": pem.decode(),
            "client_email": genuine.service_account_email,
            "token_uri": f"{ORIGIN}/token",
        }
        forged = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])
        with self.assertRaisesRegex(RefreshError, "invalid_grant: Invalid JWT Signature"):
            forged.refresh(Request())


class Methods(KeyFile):
    def setUp(self):
        super().setUp()
        self.session = AuthorizedSession(self.credentials())
        self.addCleanup(self.session.close)

    def ask(self, method, path, body=None, **parameters):
        response = self.session.request(
            method, f"{ORIGIN}{path}", params={"agentId": AGENT, **parameters}, json=body, timeout=30
        )
        return response.status_code, response.json()

    def send(self, phone, message_id, message):
        return self.ask("POST", f"/v1/phones/{phone}/agentMessages", message, messageId=message_id)

    def test_a_message_is_sent_once_and_read(self):
        message_id = new_id()
        message = {
            "contentMessage": {
                "text": "Is the parcel welcome?",
                "suggestions": [
                    {"reply": {"text": "Yes", "postbackData": "yes"}},
                    {
                        "action": {
                            "text": "Call",
                            "postbackData": "call",
                            "dialAction": {"phoneNumber": "+15550100009"},
                        }
                    },
                ],
            },
            "messageTrafficType": "TRANSACTION",
            "ttl": "600s",
        }
        status, answer = self.send(ANSWERS, message_id, message)
        self.assertEqual((status, answer["name"]), (200, f"phones/{ANSWERS}/agentMessages/{message_id}"), answer)
        self.assertEqual(self.send(ANSWERS, message_id, message), (200, answer))
        wait_until_read(ANSWERS, message_id)
        self.assertEqual(shown(ANSWERS, message_id)["content"]["text"], "Is the parcel welcome?")

    def test_a_carousel_with_an_uploaded_picture_is_sent(self):
        uploaded = self.session.post(
            f"{ORIGIN}/upload/v1/files",
            params={"agentId": AGENT},
            data=PNG,
            headers={"content-type": "image/png"},
            timeout=30,
        )
        self.assertEqual(uploaded.status_code, 200, uploaded.text)
        media = {"height": "MEDIUM", "uploadedRbmFile": {"fileName": uploaded.json()["name"]}}
        cards = [{"title": title, "media": media} for title in ("Morning", "Evening")]
        carousel = {"richCard": {"carouselCard": {"cardWidth": "MEDIUM", "cardContents": cards}}}
        message_id = new_id()
        status, answer = self.send(ANSWERS, message_id, {"contentMessage": carousel})
        self.assertEqual(status, 200, answer)
        self.assertEqual(len(shown(ANSWERS, message_id)["content"]["richCard"]["carouselCard"]["cardContents"]), 2)

    def test_a_file_is_named_by_its_address(self):
        body = {"fileUrl": "https://shop.example/a.png", "agentId": AGENT}
        status, answer = self.ask("POST", "/v1/files", body)
        self.assertEqual(status, 200, answer)
        self.assertRegex(answer["name"], "^files/.")

    def test_what_waits_is_revoked_and_then_it_is_too_late(self):
        message_id = new_id()
        self.assertEqual(self.send(OFFLINE, message_id, {"contentMessage": {"text": "Later"}})[0], 200)
        path = f"/v1/phones/{OFFLINE}/agentMessages/{message_id}"
        self.assertEqual(self.ask("DELETE", path), (200, {}))
        self.assertEqual(shown(OFFLINE, message_id)["state"], "revoked")
        status, answer = self.ask("DELETE", path)
        self.assertEqual((status, answer["error"]["status"]), (404, "NOT_FOUND"))

    def test_events_are_shown(self):
        for event in ({"eventType": "IS_TYPING"}, {"eventType": "READ", "messageId": "MxMfK3sYPdRi2jjdMSXcgzAA"}):
            event_id = new_id()
            status, answer = self.ask("POST", f"/v1/phones/{ANSWERS}/agentEvents", event, eventId=event_id)
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["name"], f"phones/{ANSWERS}/agentEvents/{event_id}")
            self.assertEqual(answer["eventType"], event["eventType"])

    def test_capabilities_are_told_and_a_phone_without_rcs_has_none(self):
        status, answer = self.ask("GET", f"/v1/phones/{ANSWERS}/capabilities", requestId=new_id())
        self.assertEqual(status, 200, answer)
        self.assertIn("RICHCARD_CAROUSEL", answer["features"])
        status, answer = self.ask("GET", f"/v1/phones/{WITHOUT_RCS}/capabilities", requestId=new_id())
        self.assertEqual((status, answer["error"]["code"], answer["error"]["status"]), (404, 404, "NOT_FOUND"))

    def test_many_are_asked_about_at_once(self):
        body = {"users": [ANSWERS, WITHOUT_RCS], "agentId": AGENT}
        status, answer = self.ask("POST", "/v1/users:batchGet", body)
        self.assertEqual((status, answer["reachableUsers"]), (200, [ANSWERS]), answer)

    def test_a_token_that_is_not_known_any_more_is_replaced(self):
        self.ask("GET", f"/v1/phones/{ANSWERS}/capabilities", requestId=new_id())
        self.session.credentials.token = "stale"
        status, answer = self.ask("GET", f"/v1/phones/{ANSWERS}/capabilities", requestId=new_id())
        self.assertEqual(status, 200, answer)
        self.assertNotEqual(self.session.credentials.token, "stale")

    def test_a_field_that_nobody_knows_is_refused_by_its_name(self):
        message = {"contentMessage": {"text": "Hi", "colour": "red"}}
        status, answer = self.send(ANSWERS, new_id(), message)
        self.assertEqual((status, answer["error"]["status"]), (400, "INVALID_ARGUMENT"))
        self.assertIn('"colour"', answer["error"]["message"])
