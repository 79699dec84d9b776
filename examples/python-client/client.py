#!/usr/bin/env python3
"""A small offline-first client in plain Python, to be tested by deadzone: it speaks docs/DEVICE_PROTOCOL.md.

Work orders can be changed and made without a network; a sync pushes what waits and pulls what others changed. All that
must survive a crash is in one SQLite file. It has two weaknesses on purpose; README.md names them, and deadzone finds
them. They are marked WEAKNESS below.
"""

import gzip
import http.client
import json
import os
import sqlite3
import sys
import uuid

# What it offers beyond what every client must. The rest is skipped, and never counts as passed.
CAN = ["create", "page", "queue", "refresh", "syncs"]
# Fields that hold lines, and the key of a line.
LINES = {"tasks": "taskId", "partsUsed": "lineId", "laborRecords": "laborId", "attachments": "attachmentId"}
KINDS = {"workOrders": "workOrderId", "assets": "assetId", "inventory": "partId"}
TEMPORARY = "tmp-"
# A server takes so many operations at once.
BATCH = 50
TIMEOUT_S = 30


class Failed(Exception):
    """A sync that stopped: the code of the specification, and words."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.detail = detail


def lay_over(record, change):
    """Lays a change over a record: values replace, lines unite by their key."""
    for field, value in change.items():
        if field.startswith("_") or field == "workOrderId":
            continue
        if field in LINES and isinstance(value, list):
            record[field] = united(record.get(field) or [], value, LINES[field])
        else:
            record[field] = value


def united(lines, changes, key):
    lines = [dict(line) for line in lines]
    for change in changes:
        known = next((line for line in lines if line.get(key) == change.get(key)), None)
        if change.get("_deleted"):
            lines = [line for line in lines if line is not known]
        elif known is None:
            lines.append(dict(change))
        else:
            known.update(change)
    return lines


class Store:
    """What survives: records as the server has them, the queue, names of orders made here, a few words."""

    def __init__(self, directory):
        self.db = sqlite3.connect(os.path.join(directory, "client.db"), isolation_level=None)
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id));
            CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY, operation TEXT, status TEXT, attempts INTEGER,
                                              error TEXT);
            CREATE TABLE IF NOT EXISTS names (temporary TEXT PRIMARY KEY, real TEXT);
            CREATE TABLE IF NOT EXISTS words (name TEXT PRIMARY KEY, value TEXT);
        """)

    def __enter__(self):
        self.db.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind, *_):
        self.db.execute("ROLLBACK" if kind else "COMMIT")

    def word(self, name):
        row = self.db.execute("SELECT value FROM words WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_word(self, name, value):
        self.db.execute("INSERT OR REPLACE INTO words VALUES (?, ?)", (name, value))

    def records(self, kind):
        rows = self.db.execute("SELECT id, body FROM records WHERE kind = ? ORDER BY id", (kind,))
        return {key: json.loads(body) for key, body in rows}

    def record(self, kind, key):
        row = self.db.execute("SELECT body FROM records WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind, key, record):
        self.db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (kind, key, json.dumps(record)))

    def drop(self, kind, key):
        self.db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (kind, key))

    def queue(self):
        rows = self.db.execute("SELECT place, operation, status, attempts, error FROM queue ORDER BY place")
        return [(place, json.loads(operation), *rest) for place, operation, *rest in rows]

    def append(self, operation):
        self.db.execute("INSERT INTO queue (operation, status, attempts) VALUES (?, 'pending', 0)",
                        (json.dumps(operation),))

    def rewrite(self, place, operation):
        self.db.execute("UPDATE queue SET operation = ? WHERE place = ?", (json.dumps(operation), place))

    def settle(self, place):
        self.db.execute("DELETE FROM queue WHERE place = ?", (place,))

    def fail(self, place, error):
        self.db.execute("UPDATE queue SET status = 'failed', attempts = attempts + 1, error = ? WHERE place = ?",
                        (error, place))

    def real(self, key):
        row = self.db.execute("SELECT real FROM names WHERE temporary = ?", (key,)).fetchone()
        return row[0] if row else key

    def named(self, value):
        """`value` with the real ids of orders that were made here."""
        text = json.dumps(value)
        for temporary, real in self.db.execute("SELECT temporary, real FROM names").fetchall():
            text = text.replace(temporary, real)
        return json.loads(text)

    def rename(self, temporary, real):
        """An order that was made here gets its real id, in whatever is stored. What waits is sent as it was made: the
        server knows both names."""
        self.db.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (temporary, real))
        for kind in KINDS:
            for key, record in self.records(kind).items():
                if temporary in json.dumps(record):
                    self.put(kind, key, self.named(record))


class Server:
    """The sync API over HTTP."""

    def __init__(self, address, directory, device):
        self.address = address
        self.device = device
        self.access = None
        # A phone would keep it in its keychain; here a file of its own has to do.
        self.keychain = os.path.join(directory, "keychain.json")

    def exchange(self, method, path, body=None, bearer=None):
        headers = {"Accept-Encoding": "gzip"}
        if bearer:
            headers["Authorization"] = "Bearer " + bearer
        data = None
        if body is not None:
            data = gzip.compress(json.dumps(body).encode())
            headers.update({"Content-Type": "application/json", "Content-Encoding": "gzip"})
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.getheader("Content-Encoding") == "gzip":
                text = gzip.decompress(text)
            return answer.status, json.loads(text)
        except (OSError, EOFError, http.client.HTTPException, ValueError) as error:
            raise Failed("NETWORK_ERROR", str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def sign_in(self, user, password, code):
        # Unbound: a proof of possession needs Ed25519, which the standard library does not have.
        body = {"userId": user, "password": password, "deviceId": self.device}
        if code:
            body["code"] = code
        self.keep(self.accepted(self.exchange("POST", "/api/v1/auth/sign-in", body)))

    def keep(self, tokens):
        kept = self.keychain + ".new"
        with open(os.open(kept, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"refresh": tokens["refreshToken"]}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(kept, self.keychain)
        self.access = tokens["accessToken"]

    def refresh(self):
        try:
            with open(self.keychain, encoding="utf-8") as file:
                token = json.load(file)["refresh"]
        except OSError as error:
            raise Failed("AUTH_ERROR", "nobody is signed in") from error
        self.keep(self.accepted(self.exchange("POST", "/api/v1/auth/refresh", {"refreshToken": token})))

    def call(self, method, path, body=None):
        if self.access is None:
            self.refresh()
        status, answer = self.exchange(method, path, body, self.access)
        if status == 401:
            self.refresh()
            status, answer = self.exchange(method, path, body, self.access)
        return self.accepted((status, answer))

    @staticmethod
    def accepted(exchange):
        status, answer = exchange
        if status == 200:
            return answer
        problem = answer if isinstance(answer, dict) else {}
        code = problem.get("code") or ("SERVER_ERROR" if status >= 500 else "NETWORK_ERROR")
        failed = Failed(code, problem.get("detail") or f"HTTP {status}")
        failed.status = status
        raise failed


class Client:
    def __init__(self, opened):
        self.page = opened["page"] or 50
        self.online = opened["online"]
        self.store = Store(opened["directory"])
        self.server = Server(opened["server"], opened["directory"], opened["name"])
        self.needs_sign_in = False

    # What its user does.

    def sign_in(self, user, password, code=None):
        self.server.sign_in(user, password, code)
        self.needs_sign_in = False
        with self.store as store:
            store.set_word("user", user)
        return "done"

    def edit(self, order, **changed):
        fields = self.with_keys(changed["set"])
        order = self.store.real(order)
        row = self.visible(order)
        if row is None:
            return {"refused": f"there is no order {order}"}
        fields["_version"] = row.get("_version", 0)
        return self.queued(order, "update", fields)

    def create(self, **made):
        local = str(uuid.uuid4())
        fields = {"assignedTo": self.store.word("user"), **self.with_keys(made["set"]), "_localId": local}
        return self.queued(TEMPORARY + local, "create", fields)

    @staticmethod
    def with_keys(fields):
        """A line is the same line for ever: it gets its key here, once."""
        named = dict(fields)
        for field, key in LINES.items():
            if isinstance(named.get(field), list):
                named[field] = [{key: str(uuid.uuid4()), **line} for line in named[field]]
        return named

    def queued(self, order, kind, payload):
        operation = {"queueId": str(uuid.uuid4()), "entityType": "work-order", "entityId": order, "operation": kind,
                     "payload": payload}
        with self.store as store:
            store.append(operation)
        # Stored for good: now, and not before, the user may rely on it.
        return {"made": {"queue_id": operation["queueId"], "entity_type": "work-order", "entity_id": order,
                         "operation": kind, "payload": payload, "priority": 5}}

    # What its user sees: what the server has, and over it what waits.

    def visible(self, order):
        row = self.store.record("workOrders", order)
        for _, operation, status, *_ in self.store.queue():
            if self.store.real(operation["entityId"]) == order and status != "failed":
                row = row or {"workOrderId": order}
                lay_over(row, self.store.named(operation["payload"]))
                if "_localId" in operation["payload"]:
                    row["_localId"] = operation["payload"]["_localId"]
        return row

    def state(self):
        queue = self.store.queue()
        made = {self.store.real(operation["entityId"]) for _, operation, *_ in queue
                if operation["operation"] == "create"}
        orders = sorted(set(self.store.records("workOrders")) | made)
        rows = [{"queueId": operation["queueId"], "entityId": operation["entityId"], "priority": 5,
                 "operation": operation["operation"], "status": status, "attempts": attempts, "error": error}
                for _, operation, status, attempts, error in queue]
        return {"userId": self.store.word("user"), "workOrders": {order: self.visible(order) for order in orders},
                "assets": self.store.records("assets"), "inventory": self.store.records("inventory"), "queue": rows,
                "conflicts": [], "notices": [], "rescued": [], "cursor": self.store.word("cursor"), "status": None,
                "needsSignIn": self.needs_sign_in, "waitsFor": None}

    # The sync.

    def sync(self):
        tell({"sync-started": {"trigger": "manual"}})
        outcome = self.synced()
        tell({"sync-ended": {"outcome": outcome}})
        return {"synced": outcome}

    def synced(self):
        if not self.online:
            return "offline"
        try:
            for phase, work in (("push", self.push), ("pull", self.pull)):
                tell({"phase-started": {"phase": phase}})
                tell({"phase-ended": {"phase": phase, "count": work()}})
            return "done"
        except Failed as failed:
            self.needs_sign_in = failed.code == "AUTH_ERROR"
            return {"failed": {"code": failed.code, "detail": failed.detail}}

    def push(self):
        settled = 0
        while True:
            stopped = {operation["entityId"] for _, operation, status, *_ in self.store.queue() if status == "failed"}
            waiting = [(place, operation) for place, operation, status, *_ in self.store.queue()
                       if status == "pending" and operation["entityId"] not in stopped][:BATCH]
            if not waiting:
                return settled
            try:
                answer = self.server.call("POST", "/api/v1/sync/push", {"operations": [it for _, it in waiting]})
            except Failed:
                # WEAKNESS: nobody knows whether the server has them. The same ids would tell it that these are the same
                # operations; with new ones it does the work a second time.
                with self.store as store:
                    for place, operation in waiting:
                        store.rewrite(place, {**operation, "queueId": str(uuid.uuid4())})
                raise
            with self.store as store:
                for (place, operation), result in zip(waiting, answer["results"]):
                    self.answered(store, place, operation, result)
            settled += len(waiting)
            if any((result.get("error") or {}).get("code") == "SERVER_ERROR" for result in answer["results"]):
                raise Failed("SERVER_ERROR", "the server could not take some changes")

    @staticmethod
    def answered(store, place, operation, result):
        error = result.get("error")
        if error and error["code"] == "SERVER_ERROR":
            return
        if error:
            store.fail(place, f"{error['code']}: {error['detail']}")
            return
        order = store.real(operation["entityId"])
        if result.get("entityId") and order.startswith(TEMPORARY):
            store.rename(order, result["entityId"])
            order = result["entityId"]
        payload = store.named(operation["payload"])
        record = store.record("workOrders", order) or {"workOrderId": order}
        lay_over(record, result.get("serverState") or {})
        lost = {conflict["field"].split("/")[0]: conflict for conflict in result.get("conflicts", [])
                if conflict["outcome"] != "client-wins"}
        lay_over(record, {field: value for field, value in payload.items() if field not in lost})
        lay_over(record, {field: conflict["theirs"] for field, conflict in lost.items() if "/" not in conflict["field"]})
        if "_localId" in payload:
            record["_localId"] = payload["_localId"]
        if result.get("newVersion") is not None:
            record["_version"] = result["newVersion"]
        store.put("workOrders", order, record)
        store.settle(place)

    def pull(self):
        cursor = self.store.word("cursor")
        if cursor is None:
            self.server.call("GET", "/api/v1/profile")
        pages, more = [], True
        while more:
            position = f"&cursor={cursor}" if cursor else ""
            answer = self.server.call("GET", f"/api/v1/sync/delta?limit={self.page}{position}")
            if answer.get("cursor", cursor or "") != (cursor or ""):
                raise Failed("NETWORK_ERROR", "an answer of before: a cache on the way keeps what it should not")
            pages.append(answer["changes"])
            cursor, more = answer["nextCursor"], answer.get("hasMore", False)
            # WEAKNESS: the position is stored before the rows that lead to it. Whoever stops between two pages goes on
            # after rows that were never stored, and nobody will send them again.
            with self.store as store:
                store.set_word("cursor", cursor)
        with self.store as store:
            return sum(self.apply(store, changes) for changes in pages)

    @staticmethod
    def apply(store, changes):
        count = 0
        for kind, key in KINDS.items():
            for change in changes.get(kind, []):
                record = store.record(kind, change[key]) or {}
                lay_over(record, change)
                record.update({field: change[field] for field in (key, "_version", "_localId") if field in change})
                store.put(kind, change[key], record)
                count += 1
            gone = [removal["id"] for removal in changes.get("removed", {}).get(kind, [])]
            for key in gone + changes.get("deletedIds", {}).get(kind, []):
                store.drop(kind, key)
        return count

    # The protocol.

    def answer(self, what):
        name, arguments = (what, {}) if isinstance(what, str) else next(iter(what.items()))
        if name == "sign-in":
            return self.sign_in(**arguments)
        if name == "edit":
            return self.edit(**arguments)
        if name == "create":
            return self.create(**arguments)
        if name == "sync":
            return self.sync()
        if name == "connectivity":
            self.online = arguments["online"]
            return "done"
        if name == "read":
            return {"row": self.visible(self.store.real(arguments["order"]))}
        if name == "state":
            return {"state": self.state()}
        return {"refused": f"this client cannot {name}"}


def say(line):
    print(json.dumps(line), flush=True)


def tell(event):
    say({"event": event})


def main():
    opened = json.loads(sys.stdin.readline())["open"]
    if opened["protocol"] != 1:
        say({"failed": "this client speaks protocol 1"})
        return
    client = Client(opened)
    say({"opened": {"protocol": 1, "can": CAN}})
    tell({"opened": {"queued": len(client.store.queue()), "interrupted": 0}})
    for line in sys.stdin:
        ask = json.loads(line)["ask"]
        try:
            reply = client.answer(ask["what"])
        except Failed as failed:
            reply = {"refused": failed.detail}
        say({"reply": {"id": ask["id"], "what": reply}})


if __name__ == "__main__":
    main()
