// The service's HTTP API.

/** An answer that isn't 2xx; `status` is 0 when there was none. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The address of one transcript, or of a part of it. */
export const address = (id, part = "") => `/v1/transcripts/${encodeURIComponent(id)}${part}`;

export async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Refused(0, "The service doesn’t answer.");
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, body?.detail ?? `The service answers ${answer.status}.`);
  return body;
}

export const post = (url, headers = {}) => ask(url, { method: "POST", headers });

/** Ask, and get null for what isn't made. */
export async function found(url) {
  try {
    return await ask(url);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}
