// Signing in, where reading isn't public, and out.

import { post, request } from "./api.js";
import { $, make } from "./dom.js";

const HINT = "These transcripts are not public. Ask the operator of this service for the token.";

/** Show the form in place of the content; calls `done` once the token is accepted. */
export function askForToken(done) {
  if ($("token-form")) return;
  const input = make("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  input.setAttribute("aria-describedby", "token-hint token-wrong");
  const wrong = make("p", { id: "token-wrong", className: "trouble", role: "alert" });
  const form = make(
    "form",
    { id: "token-form", className: "panel token" },
    make("h2", {}, "Sign in to read"),
    make("p", { id: "token-hint", className: "quiet" }, HINT),
    make("label", { htmlFor: "token" }, "Access token"),
    make("div", { className: "search" }, input, make("button", { className: "main" }, "Sign in")),
    wrong,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    try {
      await post("/v1/session", { Authorization: `Bearer ${input.value.trim()}` });
    } catch (error) {
      wrong.textContent = error.status === 401 ? "The token is wrong." : error.message;
      input.select();
      return;
    }
    form.remove();
    offerSignOut();
    done();
  });
  $("notice").hidden = true;
  $("main").append(form);
  input.focus();
  offerAccount(form);
}

/** Offer to sign in by an identity provider, if there is one. */
async function offerAccount(form) {
  const { login } = await request("/v1/session").catch(() => ({}));
  if (!login) return;
  const href = `${login}?${new URLSearchParams({ page: location.pathname })}`;
  form.append(make("p", {}, make("a", { id: "account", href }, "Sign in with your account")));
}

/** Offer to sign out if there is a session. */
async function offerSignOut() {
  const { name, has_session: hasSession } = await request("/v1/session").catch(() => ({}));
  if (!hasSession || $("sign-out")) return;
  const button = make("button", { id: "sign-out", type: "button", title: `Signed in as ${name}` }, "Sign out");
  button.onclick = async () => {
    await request("/v1/session", { method: "DELETE" }).catch(() => {});
    location.reload();
  };
  document.querySelector(".top nav").append(button);
}

offerSignOut();
