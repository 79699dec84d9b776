"""Everything that toxiproxy-python can say, said to a proxy at HOST:PORT. Each answer is looked at; toxics are felt."""

import socket
import sys
import threading
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists


def echo_server():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(stream):
        with stream:
            while data := stream.recv(65536):
                stream.sendall(data)

    def accept():
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=serve, args=(stream,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def round_trip(listen):
    host, port = listen.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as stream:
        begun = time.monotonic()
        stream.sendall(b"hello")
        assert stream.recv(5) == b"hello"
        return time.monotonic() - begun


def refuses(error, act):
    try:
        act()
    except error:
        return
    raise AssertionError("%s was to be raised" % error.__name__)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    upstream = echo_server()
    server = Toxiproxy()
    server.update_api_consumer(host, int(port))
    assert server.running() and b"version" in server.version()
    server.destroy_all()

    proxy = server.create(upstream=upstream, name="echo")
    assert proxy.enabled and not proxy.listen.endswith(":0")
    assert set(server.proxies()) == {"echo"} and server.get_proxy("echo").upstream == upstream
    assert server.get_proxy("none") is None
    refuses(ProxyExists, lambda: server.create(upstream=upstream, name="echo"))
    round_trip(proxy.listen)

    attributes = {
        "latency": {"latency": 150, "jitter": 10}, "bandwidth": {"rate": 100}, "slow_close": {"delay": 10},
        "timeout": {"timeout": 1000}, "reset_peer": {"timeout": 10},
        "slicer": {"average_size": 2, "size_variation": 1, "delay": 10}, "limit_data": {"bytes": 100},
    }
    for kind, values in attributes.items():
        for stream in ["upstream", "downstream"]:
            proxy.add_toxic(type=kind, stream=stream, attributes=values)
            toxic = proxy.get_toxic("%s_%s" % (kind, stream))
            assert (toxic.type, toxic.stream, toxic.toxicity, toxic.attributes) == (kind, stream, 1.0, values)
    assert len(proxy.toxics()) == 14
    refuses(ProxyExists, lambda: proxy.add_toxic(type="latency", attributes={"latency": 1}))
    refuses(InvalidToxic, lambda: proxy.add_toxic(type="warp"))
    refuses(InvalidToxic, lambda: proxy.add_toxic(type="latency", name="x", stream="sideways"))
    assert proxy.destroy_toxic("latency_upstream") and proxy.get_toxic("latency_upstream") is None
    refuses(NotFound, lambda: proxy.destroy_toxic("latency_upstream"))
    assert server.reset() and proxy.toxics() == {}

    proxy.add_toxic(type="latency", name="slow", toxicity=1.0, attributes={"latency": 150})
    assert round_trip(proxy.listen) >= 0.149
    proxy.destroy_toxic("slow")
    with proxy.down():
        refuses(ConnectionRefusedError, lambda: round_trip(proxy.listen))
    round_trip(proxy.listen)

    more = [{"name": "one", "upstream": upstream, "listen": "127.0.0.1:0"}, {"name": "two", "upstream": upstream}]
    assert [each.name for each in server.populate(more)] == ["one", "two"]
    assert server.destroy(server.get_proxy("one")) and proxy.destroy()
    refuses(NotFound, proxy.destroy)
    server.destroy_all()
    assert server.proxies() == {}
    print("toxiproxy-python: all said and answered")


main()
