/**
 * What is wrong with a server's certificate, as the runtime's words tell it: who has to mend it differs
 * from fault to fault.
 * @module
 */

/** A fault of a certificate. */
export interface CertificateFault {
  /**
   * `authority`: it is the certificate of a CA itself; `unknown`: that of a CA which nobody trusts here;
   * `other`: what only a better one mends.
   */
  readonly kind: "authority" | "unknown" | "other";
  /** For the end of a message. */
  readonly why: string;
}

/** Alerts about what the other side was shown, or was not; they may come late. */
export const CLIENT_CERT_REFUSED =
  /\balert:? (?:(?:bad ?|unsupported ?)?certificate|unknown ?ca|access ?denied)/i;

/** Words of the runtime's TLS and codes of `node:tls`, with what they mean; the first that fits counts. */
const FAULTS: readonly (readonly [RegExp, CertificateFault["kind"], Explain])[] = [
  [/certificate (?:has )?expired|\bExpired\b|CERT_HAS_EXPIRED/, "other", expired],
  [
    /not valid yet|not yet valid|NotValidYet|CERT_NOT_YET_VALID/,
    "other",
    () => "its certificate is not valid yet, by the clock of this machine",
  ],
  [
    /not valid for any names|NO_SUBJECT_ALT_NAME/,
    "other",
    () => "its certificate is for no host: it has no subjectAltName",
  ],
  [
    /not valid for name|NotValidForName|ALTNAME_INVALID|(?:hostname|IP address) mismatch/,
    "other",
    otherHost,
  ],
  [
    /CaUsedAsEndEntity|DEPTH_ZERO_SELF_SIGNED|self.signed certificate(?! in)/,
    "authority",
    () =>
      "its certificate is that of a CA (CA:TRUE), which is trusted only where it is named itself",
  ],
  [/UnsupportedCertVersion/, "other", () => "its certificate is one of X.509 version 1"],
  [
    /UnknownIssuer|UNABLE_TO_VERIFY|UNABLE_TO_GET/,
    "unknown",
    () => "its certificate cannot be trusted: nobody here knows the CA that made it",
  ],
  [
    // Of another CA with the same name, too.
    /BadSignature|bad signature/,
    "unknown",
    () => "its certificate cannot be trusted: a signature is wrong",
  ],
  [/certificate|CERT_/i, "unknown", () => "its certificate cannot be trusted"],
];

type Explain = (text: string) => string;

/** The fault that a text is about; undefined where it is about no certificate. */
export function certificateFault(text: string): CertificateFault | undefined {
  const [, kind, explain] = FAULTS.find(([pattern]) => pattern.test(text)) ?? [];
  return kind && explain && { kind, why: explain(text) };
}

/** Whether it is one that whoever trusts this very certificate may pass over. */
export function isUntrusted(fault: CertificateFault | undefined): boolean {
  return fault !== undefined && fault.kind !== "other";
}

function expired(text: string): string {
  const seconds = Number(/not valid after (\d{1,12}) /.exec(text)?.[1]);
  const day = seconds ? ` on ${new Date(seconds * 1000).toISOString().slice(0, 10)}` : "";
  return `its certificate expired${day}`;
}

/** Hosts of a certificate that are named; some have hundreds. */
const MOST_NAMES = 5;

function otherHost(text: string): string {
  const found = text.matchAll(/DnsName\("([^"]*)"\)|IpAddress\(([^)]*)\)|DNS:([^,]*)/g);
  const names = Array.from(found, ([, ...forms]) => forms.find((one) => one !== undefined));
  const more = names.length > MOST_NAMES ? ", ..." : "";
  const which = names.length > 0 ? `: ${names.slice(0, MOST_NAMES).join(", ")}${more}` : "";
  return `its certificate is for other hosts${which}`;
}
