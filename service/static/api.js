// Requests to the service's HTTP API.

/** An answer that isn't 2xx; `status` is 0 if there was no answer. */
export class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Return the URL of a transcript, or of a part of it. */
export const address = (id, part = "") => `/v1/transcripts/${encodeURIComponent(id)}${part}`;

export async function request(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new HttpError(0, "The service doesn’t answer.");
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new HttpError(answer.status, body?.detail ?? `The service answers ${answer.status}.`);
  return body;
}

export const post = (url, headers = {}) => request(url, { method: "POST", headers });

export const postJson = (url, body) =>
  request(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Return an answer's body, or null for 404. */
export async function requestOrNull(url) {
  try {
    return await request(url);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}
