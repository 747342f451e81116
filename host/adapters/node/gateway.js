// A webhook and a sender in Node, with the plugin that any other gateway loads: `rbm component --output rbm.wasm`, then
//
//   npx @bytecodealliance/jco transpile rbm.wasm --out-dir rbm --map 'gateway:channel/http-client@0.1.0=../http-client.js' \
//     --async-mode jspi --async-imports 'gateway:channel/http-client@0.1.0#fetch' --async-exports 'gateway:channel/channel@0.1.0#send'
//   RBM_AGENT_ID=demo RBM_CLIENT_TOKEN=… RBM_ACCESS_TOKEN=… node gateway.js
//
// The plugin waits for `fetch` inside a call that knows no promises, which Node 26 can do. Calls of `send` wait for each other.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { channel } from './rbm/rbm.js';

const { RBM_AGENT_ID, RBM_CLIENT_TOKEN, RBM_API_ORIGIN, PORT = '8080' } = process.env;
const settings = Object.entries({ 'agent-id': RBM_AGENT_ID, 'client-token': RBM_CLIENT_TOKEN, 'api-origin': RBM_API_ORIGIN })
  .filter(([, value]) => value)
  .map(([name, value]) => ({ name, value }));
const context = () => ({ settings, now: new Date().toISOString() });
const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value instanceof Uint8Array ? new TextDecoder().decode(value) : value);

async function answer(request, response) {
  // A body has a length, unless there is none.
  const length = Number(request.headers['content-length'] ?? (request.method === 'GET' ? 0 : NaN));
  const body = new Uint8Array(await buffer(length <= 1 << 20 ? request : []));
  if (!(length <= 1 << 20)) return response.writeHead(413).end();
  if (request.url === '/v1/messages') return send(JSON.parse(new TextDecoder().decode(body)), response);
  const headers = Object.entries(request.headersDistinct).flatMap(([name, values]) => values.map((value) => ({ name, value })));
  const reaction = channel.onEvent(context(), { method: request.method, url: request.url, headers, body });
  // Here belongs what keeps events durably and drops those whose dedupeKey it has, before anything is answered.
  for (const event of reaction.inbound) console.log(JSON.stringify(event, plain));
  for (const { name, value } of reaction.response.headers) response.setHeader(name, value);
  response.writeHead(reaction.response.status).end(reaction.response.body);
}

async function send({ id, to, text }, response) {
  const message = { id, recipient: to, content: { tag: 'text', val: text }, suggestions: [], options: [] };
  // Accepted is not delivered: that comes as an event.
  const sent = await channel.send(context(), message).catch((problem) => problem.payload ?? Promise.reject(problem));
  response.writeHead(sent.code ? 502 : 202).end(JSON.stringify(sent, plain));
}

createServer({ requestTimeout: 10_000 }, (request, response) => {
  answer(request, response).catch((problem) => { console.error(problem); response.writeHead(500).end(); });
}).listen(PORT, '127.0.0.1', function () { console.error(`listening at ${this.address().port}`); });
