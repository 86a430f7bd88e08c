import {
  calculateJwkThumbprint, createLocalJWKSet, EncryptJWT, exportJWK, generateKeyPair, importPKCS8, importSPKI, exportPKCS8,
  exportSPKI, jwtDecrypt, jwtVerify, SignJWT,
} from 'jose';

async function roundTrip(alg) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const key = await importPKCS8(await exportPKCS8(privateKey), alg);
  const jwk = { ...await exportJWK(await importSPKI(await exportSPKI(publicKey), alg, { extractable: true })), alg };
  jwk.kid = await calculateJwkThumbprint(jwk);
  const token = await new SignJWT({ role: 'admin' }).setProtectedHeader({ alg, kid: jwk.kid }).setIssuedAt()
    .setIssuer('me').setAudience('you').setExpirationTime('1h').sign(key);
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [jwk] }), { issuer: 'me', audience: 'you' });
  const forged = token.slice(0, -8) + (token.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA');
  const refused = await jwtVerify(forged, publicKey).then(() => null, (error) => error.code);
  return { role: payload.role, refused };
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname !== '/jwe') return Response.json(await roundTrip(pathname.slice(1)));
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const token = await new EncryptJWT({ hidden: true }).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(secret);
    return Response.json({ parts: token.split('.').length, payload: (await jwtDecrypt(token, secret)).payload });
  },
};
