"""A marketplace of skills on loopback, for the programs that publish and install.

It knows one publisher and what these programs ask for: upload tickets, publishing,
versions by their fingerprint, downloads, and the verdict of an audit that never was.
No accounts, no rates, no moderation.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

HANDLE = "tester"
TOKEN = "clh_stub"  # noqa: S105 the form that the program asks for, and no secret
AUDIT = "Nobody looked at it: this registry belongs to a test."
AT_MS = 1_700_000_000_000
TOP = "/api/v1/skills"

Said = dict[str, Any]


class Release(NamedTuple):
    """One published version: what its publisher said of it, and its files."""

    said: Said
    files: dict[str, bytes]

    @property
    def version(self) -> str:
        return str(self.said["version"])

    @property
    def fingerprint(self) -> str:
        """The digest by which a program knows an installed folder again."""
        lines = (f"{one['path']}:{one['sha256']}" for one in self.listed())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def listed(self) -> list[Said]:
        return [
            {
                "path": path,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for path, data in sorted(self.files.items())
        ]

    def packed(self) -> bytes:
        """The download, with the file that the marketplace adds."""
        added = json.dumps({"slug": self.said["slug"], "version": self.version})
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in {**self.files, "_meta.json": added.encode()}.items():
                archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
        return target.getvalue()


class RefusedError(Exception):
    """Raised for a request that cannot be served; has a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class SkillRegistry:
    """The marketplace; as a context manager it serves in threads and ends them.

    `releases` holds what was published, in order, by slug. `verdict` is what an audit
    is said to have found: clean, suspicious or malicious.
    """

    def __init__(self) -> None:
        self.releases: dict[str, list[Release]] = {}
        self.verdict = "clean"
        self._uploads: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def get(self, path: str, asked: dict[str, str]) -> Said | bytes:
        """Answer a question; raises RefusedError."""
        if path.startswith("/.well-known/"):
            return {"apiBase": self.url, "authBase": self.url}
        if path == "/api/v1/whoami":
            return {"user": {"handle": HANDLE, "displayName": HANDLE, "role": "user"}}
        if path == "/api/v1/resolve":
            return self._resolve(asked["slug"], asked["hash"])
        if path == "/api/v1/download":
            return self._release(asked["slug"], asked.get("version")).packed()
        slug, _, what = path.removeprefix(TOP + "/").partition("/")
        return self._about(slug, what, self._release(slug, asked.get("version")))

    def _about(self, slug: str, what: str, found: Release) -> Said:
        if what == "install":
            at = f"/api/v1/download?slug={slug}&version={found.version}"
            archive = {"version": found.version, "downloadUrl": self.url + at}
            kind = {"installKind": "archive", "archive": archive}
            return {"ok": True, "slug": slug, **kind}
        if what == "verify":
            return self._verified(slug, found)
        if what == "":
            return self._page(slug, found)
        raise RefusedError(404, f"nothing known of {slug} but its page: {what}")

    def post(self, path: str, body: bytes) -> Said:
        """Take something in; raises RefusedError."""
        if path.startswith("/upload/"):
            self._uploads[path.removeprefix("/upload/")] = body
            return {"storageId": path.removeprefix("/upload/")}
        said = json.loads(body or b"{}")
        if path == TOP + "/-/upload-url":
            ticket = uuid.uuid4().hex
            at = f"{self.url}/upload/{ticket}"
            return {"uploadUrl": at, "uploadTicket": ticket}
        if path == TOP:
            return self._publish(said)
        if path.endswith("/security-verdicts"):
            items = [self._judged(one) for one in said["items"]]
            return {"schema": "clawhub.skill.security-verdicts.v1", "items": items}
        return {"ok": True}  # told that something was installed

    def _publish(self, said: Said) -> Said:
        held = {one["path"]: one["storageId"] for one in said["files"]}
        files = {path: self._uploads.pop(ticket) for path, ticket in held.items()}
        release, slug = Release(said, files), said["slug"]
        known = self.releases.setdefault(slug, [])
        if "SKILL.md" not in files or not said.get("acceptLicenseTerms"):
            raise RefusedError(400, "no SKILL.md, or the terms are not accepted")
        if any(one["sha256"] != sent["sha256"] for one, sent in _pairs(release, said)):
            raise RefusedError(400, "a file is not what its digest says")
        if release.version in [one.version for one in known]:
            raise RefusedError(400, f"version {release.version} is there already")
        known.append(release)
        ids = {"skillId": f"skl_{slug}", "versionId": f"ver_{slug}_{len(known)}"}
        state = {"status": "published", "publicationStatus": "published"}
        return {"ok": True, **ids, **state, "slug": slug, "version": release.version}

    def _release(self, slug: str, version: str | None) -> Release:
        known = self.releases.get(slug, [])
        for one in reversed(known):
            if version in (None, "latest", one.version):
                return one
        raise RefusedError(404, "Skill not found")

    def _resolve(self, slug: str, fingerprint: str) -> Said:
        latest = self._release(slug, None)
        same = [x for x in self.releases[slug] if x.fingerprint == fingerprint]
        match = {"version": same[-1].version} if same else None
        return {"match": match, "latestVersion": {"version": latest.version}}

    def _page(self, slug: str, found: Release) -> Said:
        counts = (
            "downloads",
            "stars",
            "installsCurrent",
            "installsAllTime",
            "comments",
        )
        stats = {**dict.fromkeys(counts, 0), "versions": len(self.releases[slug])}
        times = {"createdAt": AT_MS, "updatedAt": AT_MS}
        name = {"slug": slug, "displayName": found.said["displayName"]}
        tags = {
            "tags": {"latest": found.version},
            "topics": found.said.get("topics", []),
        }
        latest = {"version": found.version, "createdAt": AT_MS, "license": "MIT-0"}
        return {
            "skill": {**name, **times, **tags, "summary": None, "stats": stats},
            "latestVersion": {**latest, "changelog": found.said["changelog"]},
            "metadata": {"setup": [], "os": None, "systems": None},
            "owner": {"handle": HANDLE, "displayName": HANDLE, "image": None},
            "moderation": {
                "isSuspicious": self.verdict == "suspicious",
                "isMalwareBlocked": self.verdict == "malicious",
                "verdict": self.verdict,
                "reasonCodes": [],
            },
        }

    def _verified(self, slug: str, found: Release) -> Said:
        prints = ("sourceFingerprint", "bundleFingerprint")
        artifact = dict.fromkeys(prints, found.fingerprint)
        return {
            "schema": "clawhub.skill.verify.v1",
            "ok": True,
            "decision": "pass",
            "reasons": [],
            "slug": slug,
            "displayName": found.said["displayName"],
            "pageUrl": f"{self.url}/{HANDLE}/skills/{slug}",
            "publisherHandle": HANDLE,
            "publisherDisplayName": HANDLE,
            "publisherProfileUrl": None,
            "version": found.version,
            "resolvedFrom": "latest",
            "tag": None,
            "createdAt": AT_MS,
            "card": None,
            "provenance": None,
            "artifact": {**artifact, "files": found.listed()},
            "security": {"status": self.verdict, "passed": True, "signals": {}},
            "signature": {"status": "unsigned"},
        }

    def _judged(self, asked: Said) -> Said:
        found = self._release(asked["slug"], asked.get("version"))
        is_clean = self.verdict == "clean"
        page = f"{self.url}/{HANDLE}/skills/{asked['slug']}"
        texts = {"summary": AUDIT, "overview": AUDIT, "confidence": "high"}
        verdict = "benign" if is_clean else self.verdict
        status = {"status": self.verdict, "passed": is_clean, "verdict": verdict}
        return {
            "ok": is_clean,
            "decision": "pass" if is_clean else "fail",
            "reasons": [] if is_clean else [f"security.{self.verdict}"],
            "requestedSlug": asked["slug"],
            "requestedVersion": asked["version"],
            "slug": asked["slug"],
            "version": found.version,
            "displayName": found.said["displayName"],
            "publisherHandle": HANDLE,
            "publisherDisplayName": HANDLE,
            "createdAt": AT_MS,
            "checkedAt": AT_MS,
            "overview": AUDIT,
            "skillUrl": page,
            "securityAuditUrl": page + "/security-audit",
            "security": {**status, **texts, "checkedAt": AT_MS, "signals": {}},
        }


def _pairs(release: Release, said: Said) -> list[tuple[Said, Said]]:
    sent = {one["path"]: one for one in said["files"]}
    return [(one, sent[one["path"]]) for one in release.listed()]


def _handler(registry: SkillRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = dict(parse_qsl(parts.query))
            self._answer(lambda: registry.get(unquote(parts.path), asked))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._answer(lambda: registry.post(unquote(self.path), body))

        def _answer(self, find: Any) -> None:
            try:
                status, found = 200, find()
            except RefusedError as error:
                status, found = error.status, str(error).encode()
            is_raw = isinstance(found, bytes)
            data = found if is_raw else json.dumps(found).encode()
            self.send_response(status)
            kind = "application/octet-stream" if is_raw else "application/json"
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing on the screen."""

    return Handler
