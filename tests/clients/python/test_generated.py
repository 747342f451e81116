"""The client that Google's library for Python makes of the discovery document: paths, parameters and uploads are its own."""

import unittest

from google.oauth2 import service_account
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaInMemoryUpload

import twin
from twin import AGENT, ANSWERS, OFFLINE, PNG, SCOPE, WITHOUT_RCS, new_id


class Generated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with twin.key_file() as path:
            credentials = service_account.Credentials.from_service_account_file(path, scopes=[SCOPE])
        cls.service = build_from_document(twin.discovery_document(), credentials=credentials)

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def send(self, phone, message_id, content):
        create = self.service.phones().agentMessages().create
        body = {"contentMessage": content, "messageTrafficType": "TRANSACTION"}
        return create(parent=f"phones/{phone}", messageId=message_id, agentId=AGENT, body=body).execute()

    def upload(self, body=None, **options):
        media = MediaInMemoryUpload(PNG, mimetype="image/png", **options)
        return self.service.files().create(agentId=AGENT, body=body, media_body=media).execute()["name"]

    def test_a_message_is_sent_and_read(self):
        message_id = new_id()
        sent = self.send(ANSWERS, message_id, {"text": "Is the parcel welcome?"})
        self.assertEqual(sent["name"], f"phones/{ANSWERS}/agentMessages/{message_id}")
        twin.wait_until_read(ANSWERS, message_id)

    def test_what_waits_is_revoked_and_then_it_is_too_late(self):
        message_id = new_id()
        name = self.send(OFFLINE, message_id, {"text": "Later"})["name"]
        revoke = self.service.phones().agentMessages().delete(name=name, agentId=AGENT)
        self.assertFalse(revoke.execute())
        self.assertEqual(twin.shown(OFFLINE, message_id)["state"], "revoked")
        with self.assertRaises(HttpError) as refused:
            revoke.execute()
        self.assertEqual(refused.exception.status_code, 404)

    def test_a_file_is_uploaded_in_each_way_and_sent(self):
        for options in ({}, {"body": {"agentId": AGENT}}, {"resumable": True}):
            with self.subTest(options):
                message_id = new_id()
                self.send(ANSWERS, message_id, {"uploadedRbmFile": {"fileName": self.upload(**options)}})
                self.assertIn("uploadedRbmFile", twin.shown(ANSWERS, message_id)["content"])

    def test_an_event_is_shown(self):
        create = self.service.phones().agentEvents().create
        event_id = new_id()
        event = create(
            parent=f"phones/{ANSWERS}", eventId=event_id, agentId=AGENT, body={"eventType": "IS_TYPING"}
        ).execute()
        self.assertEqual(event["name"], f"phones/{ANSWERS}/agentEvents/{event_id}")

    def test_capabilities_are_told_and_a_phone_without_rcs_has_none(self):
        ask = self.service.phones().getCapabilities
        features = ask(name=f"phones/{ANSWERS}", requestId=new_id(), agentId=AGENT).execute()["features"]
        self.assertIn("RICHCARD_CAROUSEL", features)
        with self.assertRaises(HttpError) as refused:
            ask(name=f"phones/{WITHOUT_RCS}", requestId=new_id(), agentId=AGENT).execute()
        self.assertEqual(refused.exception.status_code, 404)

    def test_many_are_asked_about_at_once(self):
        body = {"users": [ANSWERS, WITHOUT_RCS], "agentId": AGENT}
        self.assertEqual(self.service.users().batchGet(body=body).execute()["reachableUsers"], [ANSWERS])

    def test_a_tester_is_invited(self):
        create = self.service.phones().testers().create
        tester = create(parent=f"phones/{ANSWERS}", agentId=AGENT, body={}).execute()
        self.assertEqual(tester["inviteStatus"], "PENDING")

    def test_a_field_that_nobody_knows_is_refused_by_its_name(self):
        with self.assertRaises(HttpError) as refused:
            self.send(ANSWERS, new_id(), {"text": "Hi", "colour": "red"})
        self.assertEqual(refused.exception.status_code, 400)
        self.assertIn('"colour"', refused.exception.reason)
