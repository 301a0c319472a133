"""Sign-in by an OpenID Connect provider: to the provider, and back with a session."""

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Query
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.access import Principal
from domain.errors import TransientError
from resources.database.audit import DONE
from service.dependencies import AccessDep, AuditDep, AuthorizedRouter, LoginDep
from service.errors import Refused
from service.login import CALLBACK, PATH
from service.routes.pages import sign_in_failed
from service.routing import problems
from service.sessions import is_secure, set_cookie

# Shorter than that of a token: people lose their accounts, and sign in again without typing.
SESSION_S = 12 * 3600.0
log = logging.getLogger(__name__)


class ForPeople(APIRoute):
    """A route that browsers open as a page: they get an error as a page, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request."""
        handle = super().get_route_handler()

        async def serve(request: Request) -> Response:
            try:
                return await handle(request)
            except (Refused, TransientError) as error:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                if isinstance(error, Refused):
                    return sign_in_failed(f"{error.detail[:1].upper()}{error.detail[1:]}.", error.status_code)
                return sign_in_failed("The identity provider doesn't answer. Try again in a minute.", 503)

        return serve


router = AuthorizedRouter(responses=problems(401, 403, 503), route_class=ForPeople)


@router.get(PATH, status_code=302, response_class=Response)
async def begin_login(
    request: Request, login: LoginDep, page: Annotated[str, Query(description="The page to return to")] = "/"
) -> Response:
    """Redirect a browser to the identity provider."""
    return await login.redirect(request, page)


@router.get(CALLBACK, status_code=303, response_class=Response)
async def finish_login(request: Request, login: LoginDep, access: AccessDep, audit: AuditDep) -> Response:
    """Begin a session of a person who returns from the identity provider."""
    person, page = await login.finish(request)
    scope = person.scope(login.scopes)
    if scope is None:
        log.warning("%s signed in, but REFLECTOR_PEOPLE has no scope for it", person.name)
        raise Refused(403, "this account has no access; ask the operator of this service")
    seq = await run_in_threadpool(audit.begin, person.name, "sign in")
    cookie = await access.open_session(Principal(person.name, scope), SESSION_S)
    await run_in_threadpool(audit.end, seq, DONE)
    answer = RedirectResponse(page, 303)
    set_cookie(answer, cookie, secure=is_secure(request, https=access.https), seconds=int(SESSION_S))
    return answer
