/**
 * The runtime's words about certificates, and what a person reads.
 * @module
 */
import assert from "node:assert/strict";
import { certificateFault } from "./certificate_faults.ts";

Deno.test("certificate faults: each is told apart, in the words of each runtime", () => {
  const cases: readonly (readonly [said: string, kind: string | undefined, why?: string])[] = [
    ["invalid peer certificate: Expired", "other", "its certificate expired"],
    [
      "invalid peer certificate: certificate expired: verification time 1700000000 (UNIX), but " +
      "certificate is not valid after 1600000000 (100000000 seconds ago)",
      "other",
      "its certificate expired on 2020-09-13",
    ],
    ["CERT_HAS_EXPIRED certificate has expired", "other", "its certificate expired"],
    [
      "invalid peer certificate: certificate not valid yet: verification time 1 (UNIX), but " +
      "certificate is not valid before 2 (1 seconds in future)",
      "other",
      "its certificate is not valid yet, by the clock of this machine",
    ],
    [
      'invalid peer certificate: certificate not valid for name "a.test"; certificate is only valid ' +
      'for DnsName("b.test") or IpAddress(127.0.0.1)',
      "other",
      "its certificate is for other hosts: b.test, 127.0.0.1",
    ],
    ["invalid peer certificate: NotValidForName", "other", "its certificate is for other hosts"],
    [
      'invalid peer certificate: certificate not valid for name "a.test"; certificate is not valid ' +
      "for any names (according to its subjectAltName extension)",
      "other",
      "its certificate is for no host: it has no subjectAltName",
    ],
    [
      "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
      "authority",
      "its certificate is that of a CA (CA:TRUE), which is trusted only where it is named itself",
    ],
    [
      "invalid peer certificate: UnknownIssuer",
      "unknown",
      "its certificate cannot be trusted: nobody here knows the CA that made it",
    ],
    [
      "invalid peer certificate: BadSignature",
      "unknown",
      "its certificate cannot be trusted: a signature is wrong",
    ],
    [
      "certificate: bad signature",
      "unknown",
      "its certificate cannot be trusted: a signature is wrong",
    ],
    ["certificate: certificate has expired", "other", "its certificate expired"],
    [
      "certificate: certificate is not yet valid",
      "other",
      "its certificate is not valid yet, by the clock of this machine",
    ],
    ["certificate: hostname mismatch", "other", "its certificate is for other hosts"],
    ["certificate: IP address mismatch", "other", "its certificate is for other hosts"],
    [
      "certificate: self-signed certificate",
      "authority",
      "its certificate is that of a CA (CA:TRUE), which is trusted only where it is named itself",
    ],
    ["invalid peer certificate: BadEncoding", "unknown", "its certificate cannot be trusted"],
    ["connection reset by peer", undefined],
  ];
  for (const [said, kind, why] of cases) {
    assert.deepEqual(certificateFault(said), kind && { kind, why }, said);
  }
  const many = Array.from({ length: 9 }, (_, i) => `DnsName("h${i}")`).join(", ");
  assert.equal(
    certificateFault(`certificate not valid for name "a"; only valid for ${many}`)?.why,
    "its certificate is for other hosts: h0, h1, h2, h3, h4, ...",
  );
});
