// Does what peers_test.go lists, with Tencent's own client, and prints the name of each step that held.
// Argument: {"host": "127.0.0.1:PORT", "permanent": {id, key}, "temporary": {id, key, token}} as JSON.
import assert from 'node:assert/strict';
import COS from 'cos-nodejs-sdk-v5';

const { host, permanent, temporary } = JSON.parse(process.argv[2]);
const place = { Bucket: 'examplebucket-1250000000', Region: 'ap-guangzhou' };

function client({ id, key, token }) {
  return new COS({ SecretId: id, SecretKey: key, SecurityToken: token, Protocol: 'http:', Domain: host });
}

async function refused(promise, status, code) {
  const err = await promise.then(() => assert.fail('was not refused'), (err) => err);
  assert.equal(err.statusCode, status);
  if (code) assert.equal(err.code, code);
  assert.ok(err.headers['x-cos-request-id']);
}

const cos = client(permanent);
const key = "node/a b+c&d=e%2F(1)'!/日志.txt";
const body = Buffer.from([0, 255, 13, 10, 128, 65]);

const steps = {
  async put() {
    const r = await cos.putObject({ ...place, Key: key, Body: body });
    assert.equal(r.statusCode, 200);
    assert.ok(r.ETag && r.headers['x-cos-hash-crc64ecma']);
  },
  async get() {
    const r = await cos.getObject({ ...place, Key: key });
    assert.deepEqual(r.Body, body);
    const part = await cos.getObject({ ...place, Key: key, Range: 'bytes=1-2' });
    assert.deepEqual(part.Body, body.subarray(1, 3));
    await refused(cos.getObject({ ...place, Key: 'node/none' }), 404, 'NoSuchKey');
  },
  async head() {
    const r = await cos.headObject({ ...place, Key: key });
    assert.equal(r.headers['content-length'], String(body.length));
    await refused(cos.headObject({ ...place, Key: 'node/none' }), 404);
  },
  async list() {
    const names = ['1', '2', '3/x', '3/y', '4'].map((n) => 'node-list/' + n);
    for (const Key of names) await cos.putObject({ ...place, Key, Body: 'x' });
    const keys = [];
    const prefixes = [];
    let pages = 0;
    for (let Marker; pages < 9; ) {
      const r = await cos.getBucket({ ...place, Prefix: 'node-list/', Delimiter: '/', MaxKeys: 2, Marker });
      pages++;
      keys.push(...r.Contents.map((o) => o.Key));
      prefixes.push(...r.CommonPrefixes.map((p) => p.Prefix));
      if (r.IsTruncated !== 'true') break;
      Marker = r.NextMarker;
    }
    assert.deepEqual(keys, ['node-list/1', 'node-list/2', 'node-list/4']);
    assert.deepEqual(prefixes, ['node-list/3/']);
    assert.equal(pages, 2);
    const encoded = await cos.getBucket({ ...place, Prefix: 'node/', EncodingType: 'url' });
    assert.equal(decodeURIComponent(encoded.Contents[0].Key), key);
  },
  async versioning() {
    const r = await cos.getBucketVersioning(place);
    assert.ok(!r.VersioningConfiguration.Status);
  },
  async 'forbid-overwrite'() {
    const once = { ...place, Key: 'node/once', Headers: { 'x-cos-forbid-overwrite': 'true' } };
    await cos.putObject({ ...once, Body: 'first' });
    await refused(cos.putObject({ ...once, Body: 'second' }), 409, 'FileAlreadyExists');
  },
  async delete() {
    for (let i = 0; i < 2; i++) {
      const r = await cos.deleteObject({ ...place, Key: key });
      assert.equal(r.statusCode, 204);
    }
    await refused(cos.getObject({ ...place, Key: key }), 404, 'NoSuchKey');
  },
  async 'wrong-key'() {
    const other = client({ ...permanent, key: 'other' });
    await refused(other.putObject({ ...place, Key: 'node/wrong', Body: 'x' }), 403, 'SignatureDoesNotMatch');
    await refused(other.getObject({ ...place, Key: 'node/once' }), 403, 'SignatureDoesNotMatch');
    await refused(other.headObject({ ...place, Key: 'node/once' }), 403);
    await refused(other.getBucket({ ...place, Prefix: 'node/' }), 403, 'SignatureDoesNotMatch');
  },
  async 'missing-token'() {
    const bare = client({ ...temporary, token: undefined });
    await refused(bare.putObject({ ...place, Key: 'node/wrong', Body: 'x' }), 403, 'InvalidAccessKeyId');
  },
  async 'temporary-key'() {
    await client(temporary).putObject({ ...place, Key: 'node/temporary', Body: 'x' });
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
