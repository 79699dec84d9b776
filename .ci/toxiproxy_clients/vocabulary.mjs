// Everything that toxiproxy-node-client can say, said to a proxy at URL. Each answer is looked at; toxics are felt.

import assert from "node:assert/strict";
import net from "node:net";
import { Toxiproxy } from "toxiproxy-node-client";

function echoServer() {
  const server = net.createServer((stream) => stream.on("error", () => {}).pipe(stream));
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

function roundTrip(listen) {
  const at = listen.lastIndexOf(":");
  const begun = performance.now();
  return new Promise((done, failed) => {
    const stream = net.connect(Number(listen.slice(at + 1)), listen.slice(0, at), () => stream.write("hello"));
    stream.on("error", failed);
    stream.on("close", () => failed(new Error("closed")));
    stream.on("data", () => {
      done(performance.now() - begun);
      stream.destroy();
    });
  });
}

const toxiproxy = new Toxiproxy(process.argv[2]);
const server = await echoServer();
const upstream = `127.0.0.1:${server.address().port}`;
assert.match(await toxiproxy.getVersion(), /version/);
for (const proxy of Object.values(await toxiproxy.getAll())) await proxy.remove();

let proxy = await toxiproxy.createProxy({ name: "echo", listen: "127.0.0.1:0", upstream });
assert.deepEqual(proxy.toJson(), { enabled: true, listen: proxy.listen, name: "echo", upstream });
assert.equal((await toxiproxy.get("echo")).listen, proxy.listen);
assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["echo"]);
await assert.rejects(toxiproxy.createProxy({ name: "echo", listen: "127.0.0.1:0", upstream }), /409/);
await assert.rejects(toxiproxy.get("none"), /404/);
await roundTrip(proxy.listen);

const attributes = {
  latency: { latency: 150, jitter: 10 }, bandwidth: { rate: 100 }, slow_close: { delay: 10 },
  timeout: { timeout: 1000 }, reset_peer: { timeout: 10 },
  slicer: { average_size: 2, size_variation: 1, delay: 10 }, limit_data: { bytes: 100 },
};
for (const [type, values] of Object.entries(attributes)) {
  for (const stream of ["upstream", "downstream"]) {
    const body = { attributes: values, name: `${type}-${stream}`, stream, toxicity: 0.5, type };
    const toxic = await proxy.addToxic(body);
    assert.deepEqual(toxic.toJson(), body);
    assert.deepEqual((await proxy.getToxic(toxic.name)).toJson(), body);
  }
}
await assert.rejects(proxy.addToxic({ name: "latency-upstream", type: "latency", attributes: {} }), /409/);
await assert.rejects(proxy.addToxic({ name: "x", type: "warp", attributes: {} }), /400/);
const latency = await proxy.getToxic("latency-upstream");
const updated = await latency.update({ ...latency.toJson(), attributes: { latency: 7 }, toxicity: 1 });
assert.deepEqual(updated.attributes, { latency: 7, jitter: 10 });
assert.equal(updated.toxicity, 1);
await latency.remove();
await assert.rejects(proxy.getToxic("latency-upstream"), /404/);
await toxiproxy.reset();
await assert.rejects(proxy.getToxic("timeout-upstream"), /404/);

const slow = await proxy.addToxic({ name: "slow", type: "latency", attributes: { latency: 150 } });
assert.ok((await roundTrip(proxy.listen)) >= 149);
await slow.remove();
proxy = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
assert.equal(proxy.enabled, false);
await assert.rejects(roundTrip(proxy.listen), /ECONNREFUSED/);
proxy = await proxy.update({ enabled: true, listen: proxy.listen, upstream });
await roundTrip(proxy.listen);

const more = await toxiproxy.populate([
  { name: "one", listen: "127.0.0.1:0", upstream },
  { name: "two", listen: "127.0.0.1:0", upstream, enabled: false },
]);
assert.deepEqual([more.one.enabled, more.two.enabled], [true, false]);
for (const each of Object.values(await toxiproxy.getAll())) await each.remove();
assert.deepEqual(await toxiproxy.getAll(), {});
server.close();
console.log("toxiproxy-node-client: all said and answered");
