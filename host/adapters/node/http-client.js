// HTTP for the plugin, as its contract wants it: to one origin only, which is the one that gets the token.
export async function fetch({ method, url, headers, body, timeoutMs }) {
  const origin = process.env.RBM_API_ORIGIN ?? 'https://rcsbusinessmessaging.googleapis.com';
  if (new URL(url).origin !== origin || body.tag !== 'inline') throw { code: 'denied', message: `not to ${url}` };
  const sent = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  sent.authorization = `Bearer ${process.env.RBM_ACCESS_TOKEN}`;
  const signal = AbortSignal.timeout(timeoutMs ?? 30_000);
  const content = method === 'GET' ? undefined : body.val;
  try {
    const answer = await globalThis.fetch(url, { method, headers: sent, body: content, redirect: 'manual', signal });
    const received = [...answer.headers].map(([name, value]) => ({ name, value }));
    return { status: answer.status, headers: received, body: new Uint8Array(await answer.arrayBuffer()) };
  } catch (problem) {
    const code = problem.cause?.code === 'ECONNREFUSED' ? 'not-sent' : 'no-answer';
    throw { code, message: String(problem.cause ?? problem) };
  }
}
