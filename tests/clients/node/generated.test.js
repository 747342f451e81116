// The client that Google's library for Node makes of the discovery document, with tokens that its authentication library buys.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GoogleAuth } from 'google-auth-library';
import { Discovery } from 'googleapis-common/build/src/discovery.js';

const SCOPE = 'https://www.googleapis.com/auth/rcsbusinessmessaging';
const AGENT = 'demo';
const ANSWERS = '+15550100001';
const OFFLINE = '+15550100003';
const WITHOUT_RCS = '+15550100004';
// The beginning of a picture, which is as far as anybody here looks.
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

// The line that `rbm emulate --json` prints.
const ready = JSON.parse(process.env.RBM_EMULATE);
const origin = ready.emulator;
let directory;
let service;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rbm-clients-'));
  const keyFile = join(directory, 'service-account.json');
  const account = await (await fetch(ready.service_account)).text();
  await writeFile(keyFile, account);
  const auth = await new GoogleAuth({ keyFile, scopes: [SCOPE] }).getClient();
  sendTokenRequestsTo(JSON.parse(account).token_uri, auth);
  const create = await new Discovery().discoverAPI(`${origin}/$discovery/rest?version=v1`);
  service = create({ auth });
});

after(() => rm(directory, { recursive: true }));

// The library asks Google's endpoint for tokens, whatever the key file says.
function sendTokenRequestsTo(tokenUri, auth) {
  const redirect = async (request) => {
    if (request.url.href === 'https://oauth2.googleapis.com/token') request.url = new URL(tokenUri);
    return request;
  };
  auth.transporter.interceptors.request.add({ resolved: redirect });
}

async function send(phone, messageId, contentMessage) {
  const requestBody = { contentMessage, messageTrafficType: 'TRANSACTION' };
  const { create } = service.phones.agentMessages;
  return (await create({ parent: `phones/${phone}`, messageId, agentId: AGENT, requestBody })).data;
}

async function shown(phone, messageId) {
  const { messages } = await (await fetch(`${origin}/emulator/phones/${phone}`)).json();
  return messages.find((message) => message.id === messageId);
}

test('a message is sent and read', async () => {
  const messageId = randomUUID();
  const sent = await send(ANSWERS, messageId, { text: 'Is the parcel welcome?' });
  assert.equal(sent.name, `phones/${ANSWERS}/agentMessages/${messageId}`);
  const deadline = Date.now() + 30_000;
  while ((await shown(ANSWERS, messageId)).state !== 'read') {
    assert.ok(Date.now() < deadline, 'it is not read');
    await sleep(20);
  }
});

test('what waits is revoked, and then it is too late', async () => {
  const messageId = randomUUID();
  const { name } = await send(OFFLINE, messageId, { text: 'Later' });
  const revoke = () => service.phones.agentMessages.delete({ name, agentId: AGENT });
  assert.deepEqual((await revoke()).data, {});
  assert.equal((await shown(OFFLINE, messageId)).state, 'revoked');
  await assert.rejects(revoke, { status: 404 });
});

test('a file is uploaded in each way, and sent', async () => {
  for (const requestBody of [undefined, { agentId: AGENT }]) {
    const media = { mimeType: 'image/png', body: Readable.from([PNG]) };
    const { name } = (await service.files.create({ agentId: AGENT, requestBody, media })).data;
    const messageId = randomUUID();
    await send(ANSWERS, messageId, { uploadedRbmFile: { fileName: name } });
    assert.equal((await shown(ANSWERS, messageId)).content.uploadedRbmFile.fileName, name);
  }
});

test('an event is shown', async () => {
  const eventId = randomUUID();
  const requestBody = { eventType: 'IS_TYPING' };
  const parent = `phones/${ANSWERS}`;
  const event = (await service.phones.agentEvents.create({ parent, eventId, agentId: AGENT, requestBody })).data;
  assert.equal(event.name, `phones/${ANSWERS}/agentEvents/${eventId}`);
});

test('capabilities are told, and a phone without RCS has none', async () => {
  const ask = (phone) =>
    service.phones.getCapabilities({ name: `phones/${phone}`, requestId: randomUUID(), agentId: AGENT });
  assert.ok((await ask(ANSWERS)).data.features.includes('RICHCARD_CAROUSEL'));
  await assert.rejects(ask(WITHOUT_RCS), { status: 404 });
});

test('many are asked about at once', async () => {
  const requestBody = { users: [ANSWERS, WITHOUT_RCS], agentId: AGENT };
  assert.deepEqual((await service.users.batchGet({ requestBody })).data.reachableUsers, [ANSWERS]);
});
