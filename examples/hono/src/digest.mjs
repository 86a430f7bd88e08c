// FNV-1a, 64 bits, for entity tags: jsd has no WebCrypto yet, whose SHA-1 Hono would take. A tag needs to change with
// the body; it need not withstand an attacker.
export function fnv1a(bytes) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const digest = new ArrayBuffer(8);
  new DataView(digest).setBigUint64(0, hash);
  return digest;
}
