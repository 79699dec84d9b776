"""A client for the tests of the harness: it holds nothing and syncs nothing. How it misbehaves, its argument says."""

import json
import os
import subprocess
import sys
import time
import uuid


def say(line):
    print(json.dumps(line), flush=True)


def state():
    return {"userId": "maria", "workOrders": {}, "assets": {}, "inventory": {}, "queue": [], "conflicts": [],
            "audit": [], "notices": [], "rescued": [], "cursor": None, "status": None, "needsSignIn": False,
            "waitsFor": None}


def greet(how):
    if how == "silent from the start":
        time.sleep(1000)
    if how == "dead from the start":
        print("no module named sync", file=sys.stderr)
        sys.exit(3)
    if how == "another protocol":
        say({"opened": {"protocol": 7, "can": []}})
    elif how == "an unknown capability":
        say({"opened": {"protocol": 1, "can": ["mind-reading"]}})
    else:
        say({"opened": {"protocol": 1, "can": ["queue"]}})


def misbehave(how):
    if how == "hangs":
        # What it has started must go with it.
        subprocess.Popen(["sleep", sys.argv[2]])
        time.sleep(1000)
    if how == "dies":
        print("Segmentation fault, as it were", file=sys.stderr)
        sys.exit(4)
    if how == "floods":
        while True:
            os.write(1, b"x" * 65536)
    if how == "floods with events":
        while True:
            say({"event": {"sync-started": {"trigger": "manual"}}})
    if how == "nonsense":
        print("Hello, world!", flush=True)
    if how == "answers twice":
        say({"reply": {"id": 0, "what": "done"}})
    if how == "answers something else":
        return {"synced": "done"}
    return None


def answer(how, what):
    name = what if isinstance(what, str) else next(iter(what))
    if name == "edit":
        instead = misbehave(how)
        if instead:
            return instead
        edit = what["edit"]
        return {"made": {"queue_id": str(uuid.uuid4()), "entity_type": "work-order", "entity_id": edit["order"],
                         "operation": "update", "payload": edit["set"], "priority": 5}}
    if name == "sync":
        return {"synced": "done"}
    if name == "state":
        return {"state": state()}
    if name == "read":
        return {"row": None}
    return "done"


def main():
    how = sys.argv[1]
    sys.stdin.readline()
    greet(how)
    for line in sys.stdin:
        ask = json.loads(line)["ask"]
        say({"reply": {"id": ask["id"], "what": answer(how, ask["what"])}})


main()
